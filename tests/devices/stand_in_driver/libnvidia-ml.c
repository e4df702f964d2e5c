/* NVML of a machine with a few GPUs: the part of libnvidia-ml.so.1 that is used here.
 *
 * Environment: STAND_IN_GPUS (2), STAND_IN_NVML_FAULTS ("nvmlDeviceGetPowerUsage=3,nvmlInit=9,*=15": NVML's code for a
 * function, or for all that ask a GPU), STAND_IN_MIG ("1": numbers of the GPUs that MIG divides).
 * Compiled with -DBEFORE_535 it lacks what came with driver 535, and with -DBEFORE_510 what came with 510 as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
typedef int nvmlReturn_t;
enum { OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct {
    char busIdLegacy[16];
    unsigned domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} PciInfo;
typedef struct { char busId[16]; unsigned domain, bus, device, pciDeviceId, pciSubSystemId, reserved[4]; } OldPciInfo;
typedef struct { unsigned pid; unsigned long long usedGpuMemory; } OldProcess;
typedef struct { unsigned pid; unsigned long long usedGpuMemory; unsigned gpuInstanceId, computeInstanceId; } Process;

static int initialized;
static char gpus[16];

static nvmlReturn_t fault(const char *name) {
    const char *text = getenv("STAND_IN_NVML_FAULTS");
    size_t length = strlen(name);
    if (!initialized && strcmp(name, "nvmlInit")) return UNINITIALIZED;
    for (; text && *text; text = strchr(text, ',') ? strchr(text, ',') + 1 : "") {
        if (!strncmp(text, name, length) && text[length] == '=') return atoi(text + length + 1);
        if (*text == '*' && !strncmp(name, "nvmlDevice", 10)) return atoi(text + 2);
    }
    return OK;
}

#define MAY_FAIL(name) do { nvmlReturn_t code = fault(#name); if (code) return code; } while (0)
#define NUMBER(function, type, value) \
    EXPORT nvmlReturn_t function(char *gpu, type *answer) { MAY_FAIL(function); (void)gpu; *answer = (value); return OK; }

static int count(void) { const char *text = getenv("STAND_IN_GPUS"); return text ? atoi(text) : 2; }
static int place(const char *gpu) { return (int)(gpu - gpus); }

EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    MAY_FAIL(nvmlInit);
    initialized = 1;
    return OK;
}
EXPORT nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT nvmlReturn_t nvmlShutdown(void) { MAY_FAIL(nvmlShutdown); initialized = 0; return OK; }

EXPORT const char *nvmlErrorString(nvmlReturn_t code) {
    switch (code) {
        case 0: return "Success";
        case 1: return "Uninitialized";
        case 2: return "Invalid Argument";
        case 3: return "Not Supported";
        case 4: return "Insufficient Permissions";
        case 6: return "Not Found";
        case 9: return "Driver Not Loaded";
        case 15: return "GPU is lost";
        case 18: return "Driver/library version mismatch";
        default: return "Unknown Error";
    }
}

static nvmlReturn_t copy(char *to, unsigned length, const char *text) {
    if (strlen(text) >= length) return INSUFFICIENT_SIZE;
    strcpy(to, text);
    return OK;
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *text, unsigned length) {
    MAY_FAIL(nvmlSystemGetDriverVersion);
#ifdef BEFORE_510
    return copy(text, length, "470.256.02");
#elif defined BEFORE_535
    return copy(text, length, "525.147.05");
#else
    return copy(text, length, "570.124.06");
#endif
}
EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
    MAY_FAIL(nvmlSystemGetCudaDriverVersion);
    *version = 12080;
    return OK;
}
EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }
EXPORT nvmlReturn_t nvmlSystemGetProcessName(unsigned pid, char *text, unsigned length) {
    MAY_FAIL(nvmlSystemGetProcessName);
    char name[64];
    snprintf(name, sizeof name, "/usr/bin/neighbour-%u", pid);
    return copy(text, length, name);
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *answer) { MAY_FAIL(nvmlDeviceGetCount); *answer = (unsigned)count(); return OK; }
EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, char **gpu) {
    MAY_FAIL(nvmlDeviceGetHandleByIndex);
    if (index >= (unsigned)count()) return INVALID_ARGUMENT;
    *gpu = &gpus[index];
    return OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetName(char *gpu, char *text, unsigned length) {
    char name[64];
    MAY_FAIL(nvmlDeviceGetName);
    snprintf(name, sizeof name, "Stand-in GPU %d", place(gpu));
    return copy(text, length, name);
}
EXPORT nvmlReturn_t nvmlDeviceGetUUID(char *gpu, char *text, unsigned length) {
    char uuid[64], *at = uuid + sprintf(uuid, "GPU-");
    MAY_FAIL(nvmlDeviceGetUUID);
    for (int byte = 0; byte < 16; byte++)
        at += sprintf(at, "%s%02x", byte == 4 || byte == 6 || byte == 8 || byte == 10 ? "-" : "",
                      (unsigned char)(byte * 16 + place(gpu)));
    return copy(text, length, uuid);
}
EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(char *gpu, PciInfo *info) {
    MAY_FAIL(nvmlDeviceGetPciInfo);
    memset(info, 0, sizeof *info);
    info->bus = (unsigned)place(gpu) + 0x3A;
    snprintf(info->busId, sizeof info->busId, "00000000:%02X:00.0", info->bus);
    return OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v2(char *gpu, OldPciInfo *info) {
    MAY_FAIL(nvmlDeviceGetPciInfo);
    memset(info, 0, sizeof *info);
    info->bus = (unsigned)place(gpu) + 0x3A;
    snprintf(info->busId, sizeof info->busId, "0000:%02X:00.0", info->bus);
    return OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(char *gpu, Memory *memory) {
    MAY_FAIL(nvmlDeviceGetMemoryInfo);
    (void)gpu;
    *memory = (Memory){80ull << 30, 77ull << 30, 3ull << 30};
    return OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(char *gpu, int kind, unsigned *mhz) {
    MAY_FAIL(nvmlDeviceGetClockInfo);
    *mhz = kind == 2 ? 1593 : 1410 - 100 * (unsigned)place(gpu);
    return OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetMaxClockInfo(char *gpu, int kind, unsigned *mhz) {
    MAY_FAIL(nvmlDeviceGetMaxClockInfo);
    (void)gpu;
    *mhz = kind == 2 ? 1593 : 1410;
    return OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetTemperature(char *gpu, int sensor, unsigned *celsius) {
    MAY_FAIL(nvmlDeviceGetTemperature);
    *celsius = 41 + (unsigned)place(gpu);
    return sensor ? INVALID_ARGUMENT : OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetTemperatureThreshold(char *gpu, int kind, unsigned *celsius) {
    MAY_FAIL(nvmlDeviceGetTemperatureThreshold);
    (void)gpu, (void)kind;
    *celsius = 92;
    return OK;
}
NUMBER(nvmlDeviceGetEnforcedPowerLimit, unsigned, 400000)
NUMBER(nvmlDeviceGetPowerUsage, unsigned, 70000 + 100000 * (unsigned)place(gpu))
NUMBER(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, 123456)
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, 4)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, unsigned, 16)
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, 4)
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, unsigned, 16)
NUMBER(nvmlDeviceGetPersistenceMode, int, 1)
NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, 0x24)
#if !defined BEFORE_535 && !defined BEFORE_510
NUMBER(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, 0x24)
#endif
EXPORT nvmlReturn_t nvmlDeviceGetEccMode(char *gpu, int *now, int *pending) {
    MAY_FAIL(nvmlDeviceGetEccMode);
    (void)gpu;
    return *now = *pending = 1, OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetMigMode(char *gpu, unsigned *now, unsigned *pending) {
    const char *text = getenv("STAND_IN_MIG");
    MAY_FAIL(nvmlDeviceGetMigMode);
    *now = *pending = text && strchr(text, '0' + place(gpu)) != NULL;
    return OK;
}
EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(char *gpu, Utilization *rates) {
    MAY_FAIL(nvmlDeviceGetUtilizationRates);
    (void)gpu;
    *rates = (Utilization){97, 40};
    return OK;
}

/* One process a GPU, 9001 on the first. The caller asks first with no room. */
#define PROCESSES(function, type) \
    EXPORT nvmlReturn_t function(char *gpu, unsigned *room, type *found) { \
        MAY_FAIL(nvmlDeviceGetComputeRunningProcesses); \
        if (*room < 1) return *room = 1, INSUFFICIENT_SIZE; \
        memset(found, 0, sizeof *found); \
        found->pid = 9001 + (unsigned)place(gpu); \
        found->usedGpuMemory = 1 << 20; \
        return *room = 1, OK; \
    }
PROCESSES(nvmlDeviceGetComputeRunningProcesses, OldProcess)
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v2, Process)
#ifndef BEFORE_510
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, Process)
#endif
