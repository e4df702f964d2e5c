/* A CUDA driver on host memory: the part of libcuda.so.1 that is used here, under the names and with the manners of the
 * real one. Work is done at once, so that it proves calls and lifetimes, and neither asynchrony nor timing.
 *
 * Environment: STAND_IN_GPUS (how many there are, 2), CUDA_VISIBLE_DEVICES (numbers), STAND_IN_MEMORY_BYTES (of each),
 * STAND_IN_CUDA_FAULTS ("cuMemAlloc=2,cuEventSynchronize=719@5": the code, and from which call on), STAND_IN_WITHOUT
 * ("cuDeviceGetUuid_v2,...": functions that this driver is too old for), STAND_IN_DRIVER_VERSION (12080).
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define MOST 4096

typedef int CUresult;
enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_CONTEXT = 201,
       INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700, CAPTURE_UNSUPPORTED = 900,
       CAPTURE_INVALIDATED = 901 };

static const struct { int code; const char *name, *words; } ERRORS[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {34, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {702, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"},
    {710, "CUDA_ERROR_ASSERT", "device-side assert triggered"},
    {715, "CUDA_ERROR_ILLEGAL_INSTRUCTION", "an illegal instruction was encountered"},
    {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {802, "CUDA_ERROR_SYSTEM_NOT_READY", "system not yet initialized"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {805, "CUDA_ERROR_MPS_CONNECTION_FAILED",
     "MPS client failed to connect to the MPS control daemon or the MPS server"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

/* What is alive, by kind: every handle is the address of one of these. */
typedef enum { DEVICE_MEMORY, HOST_MEMORY, STREAM, EVENT, GRAPH, EXECUTABLE, KINDS } Kind;
static const char *KIND_NAMES[KINDS] = {"device", "host", "stream", "event", "graph", "executable"};
typedef struct { void *to; const void *from; size_t bytes; void (*kernel)(void); } Work;
typedef struct Thing {
    Kind kind;
    char *memory;
    size_t bytes;
    int64_t recorded_ns;
    Work *work;
    int work_count, capturing;
} Thing;
static Thing *alive[MOST];
static int64_t used_bytes;
static int initialized, retained, sticky, misuses;
static void *current_context, *context_stack[16];
static int context_depth;
static char contexts[16];

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

/* The code that this call is told to fail with, 0 for none. An error of a kernel stays for good, as in the real one. */
static CUresult fault(const char *name, int *calls) {
    const char *text = getenv("STAND_IN_CUDA_FAULTS");
    size_t length = strlen(name);
    ++*calls;
    if (sticky) return sticky;
    for (; text && *text; text = strchr(text, ',') ? strchr(text, ',') + 1 : "") {
        if (strncmp(text, name, length) || text[length] != '=') continue;
        char *end;
        int code = (int)strtol(text + length + 1, &end, 10), first = *end == '@' ? atoi(end + 1) : 1;
        if (*calls < first) return OK;
        if (code == 214 || (code >= 700 && code < 720)) sticky = code;
        return code;
    }
    return OK;
}

#define MAY_FAIL(name) do { static int calls; CUresult code = fault(#name, &calls); if (code) return code; } while (0)
#define BEGIN(name) do { MAY_FAIL(name); if (!initialized) return NOT_INITIALIZED; } while (0)
#define IN_CONTEXT(name) do { BEGIN(name); if (!current_context) return INVALID_CONTEXT; } while (0)

static Thing *add(Kind kind) {
    for (int place = 0; place < MOST; place++)
        if (!alive[place]) {
            alive[place] = calloc(1, sizeof(Thing));
            alive[place]->kind = kind;
            return alive[place];
        }
    abort();
}

static Thing *get(const void *handle, Kind kind) {
    for (int place = 0; place < MOST; place++)
        if (alive[place] == handle && handle && alive[place]->kind == kind) return alive[place];
    misuses++;
    return NULL;
}

static Thing *memory_at(const void *address, size_t bytes, Kind kind) {
    for (int place = 0; place < MOST; place++) {
        Thing *one = alive[place];
        if (one && one->kind == kind && (char *)address >= one->memory &&
            (char *)address + bytes <= one->memory + one->bytes)
            return one;
    }
    return NULL;
}

static CUresult take(Thing *thing) {
    if (!thing) return INVALID_HANDLE;
    for (int place = 0; place < MOST; place++)
        if (alive[place] == thing) alive[place] = NULL;
    if (thing->kind == DEVICE_MEMORY) used_bytes -= (int64_t)thing->bytes;
    free(thing->memory);
    free(thing->work);
    free(thing);
    return OK;
}

/* For the tests: how many of a kind are alive ("context" and "misuse" as well). */
EXPORT int stand_in_count(const char *kind) {
    int count = 0;
    if (!strcmp(kind, "context")) return retained;
    if (!strcmp(kind, "misuse")) return misuses;
    for (int place = 0; place < MOST; place++)
        count += alive[place] && !strcmp(KIND_NAMES[alive[place]->kind], kind);
    return count;
}

static int gpu_count(void) { return (int)number("STAND_IN_GPUS", 2); }

static int visible(int *numbers) {
    const char *text = getenv("CUDA_VISIBLE_DEVICES");
    int count = 0;
    if (!text)
        for (; count < gpu_count(); count++) numbers[count] = count;
    else
        for (; *text && count < 16; text = strchr(text, ',') ? strchr(text, ',') + 1 : "") {
            char *end;
            long one = strtol(text, &end, 10);
            /* One that is not there hides all behind it. */
            if (end == text || one < 0 || one >= gpu_count()) break;
            numbers[count++] = (int)one;
        }
    return count;
}

static int physical(int device) {
    int numbers[16], count = visible(numbers);
    return device >= 0 && device < count ? numbers[device] : -1;
}

EXPORT CUresult cuInit(unsigned flags) {
    int numbers[16];
    MAY_FAIL(cuInit);
    if (!visible(numbers)) return 100;
    initialized = 1;
    return flags ? INVALID_VALUE : OK;
}

EXPORT CUresult cuDriverGetVersion(int *version) {
    MAY_FAIL(cuDriverGetVersion);
    *version = (int)number("STAND_IN_DRIVER_VERSION", 12080);
    return OK;
}

EXPORT CUresult cuGetErrorString(CUresult code, const char **words) {
    for (size_t one = 0; one < sizeof ERRORS / sizeof *ERRORS; one++)
        if (ERRORS[one].code == code) return *words = ERRORS[one].words, OK;
    return *words = NULL, INVALID_VALUE;
}

EXPORT CUresult cuGetErrorName(CUresult code, const char **name) {
    for (size_t one = 0; one < sizeof ERRORS / sizeof *ERRORS; one++)
        if (ERRORS[one].code == code) return *name = ERRORS[one].name, OK;
    return *name = NULL, INVALID_VALUE;
}

EXPORT CUresult cuDeviceGetCount(int *count) {
    int numbers[16];
    BEGIN(cuDeviceGetCount);
    *count = visible(numbers);
    return OK;
}

EXPORT CUresult cuDeviceGet(int *device, int ordinal) {
    BEGIN(cuDeviceGet);
    if (physical(ordinal) < 0) return INVALID_DEVICE;
    *device = ordinal;
    return OK;
}

EXPORT CUresult cuDeviceGetName(char *name, int length, int device) {
    BEGIN(cuDeviceGetName);
    snprintf(name, (size_t)length, "Stand-in GPU %d", physical(device));
    return OK;
}

EXPORT CUresult cuDeviceTotalMem_v2(size_t *bytes, int device) {
    BEGIN(cuDeviceTotalMem);
    *bytes = (size_t)number("STAND_IN_MEMORY_BYTES", 1 << 28);
    return device < 0 ? INVALID_DEVICE : OK;
}

EXPORT CUresult cuDeviceGetAttribute(int *value, int attribute, int device) {
    BEGIN(cuDeviceGetAttribute);
    *value = attribute == 75 ? 8 : attribute == 76 ? 7 : attribute == 33 ? physical(device) + 1 : 0;
    return OK;
}

EXPORT CUresult cuDeviceComputeCapability(int *major, int *minor, int device) {
    BEGIN(cuDeviceComputeCapability);
    *major = 8, *minor = 7;
    return device < 0 ? INVALID_DEVICE : OK;
}

EXPORT CUresult cuDeviceGetUuid_v2(char *uuid, int device) {
    BEGIN(cuDeviceGetUuid);
    for (int byte = 0; byte < 16; byte++) uuid[byte] = (char)(byte * 16 + physical(device));
    return OK;
}

EXPORT CUresult cuDeviceGetUuid(char *uuid, int device) { return cuDeviceGetUuid_v2(uuid, device); }

EXPORT CUresult cuDeviceGetPCIBusId(char *text, int length, int device) {
    BEGIN(cuDeviceGetPCIBusId);
    snprintf(text, (size_t)length, "0000:%02X:00.0", physical(device) + 0x3A);
    return OK;
}

EXPORT CUresult cuDevicePrimaryCtxRetain(void **context, int device) {
    BEGIN(cuDevicePrimaryCtxRetain);
    if (physical(device) < 0) return INVALID_DEVICE;
    retained++;
    *context = &contexts[device];
    return OK;
}

EXPORT CUresult cuDevicePrimaryCtxRelease_v2(int device) {
    BEGIN(cuDevicePrimaryCtxRelease);
    if (!retained) return INVALID_CONTEXT;
    if (--retained) return OK;
    if (current_context == &contexts[device]) current_context = NULL;
    /* All that was made in it goes with it. */
    for (int place = 0; place < MOST; place++)
        if (alive[place]) take(alive[place]);
    return OK;
}

EXPORT CUresult cuCtxSetCurrent(void *context) {
    BEGIN(cuCtxSetCurrent);
    current_context = context;
    return OK;
}

EXPORT CUresult cuCtxGetCurrent(void **context) {
    BEGIN(cuCtxGetCurrent);
    *context = current_context;
    return OK;
}

EXPORT CUresult cuCtxPushCurrent_v2(void *context) {
    BEGIN(cuCtxPushCurrent);
    context_stack[context_depth++] = current_context;
    current_context = context;
    return OK;
}

EXPORT CUresult cuCtxPopCurrent_v2(void **context) {
    BEGIN(cuCtxPopCurrent);
    if (!context_depth) return INVALID_CONTEXT;
    if (context) *context = current_context;
    current_context = context_stack[--context_depth];
    return OK;
}

EXPORT CUresult cuCtxGetDevice(int *device) {
    IN_CONTEXT(cuCtxGetDevice);
    *device = (int)((char *)current_context - contexts);
    return OK;
}

EXPORT CUresult cuCtxSynchronize(void) {
    IN_CONTEXT(cuCtxSynchronize);
    return OK;
}

EXPORT CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
    IN_CONTEXT(cuMemGetInfo);
    *total = (size_t)number("STAND_IN_MEMORY_BYTES", 1 << 28);
    *available = *total - (size_t)used_bytes;
    return OK;
}

EXPORT CUresult cuMemAlloc_v2(void **address, size_t bytes) {
    IN_CONTEXT(cuMemAlloc);
    if (!bytes) return INVALID_VALUE;
    if (used_bytes + (int64_t)bytes > number("STAND_IN_MEMORY_BYTES", 1 << 28)) return OUT_OF_MEMORY;
    Thing *thing = add(DEVICE_MEMORY);
    thing->memory = malloc(bytes);
    thing->bytes = bytes;
    used_bytes += (int64_t)bytes;
    memset(thing->memory, 0xAB, bytes);
    *address = thing->memory;
    return OK;
}

static CUresult free_memory(void *address, Kind kind) {
    Thing *thing = memory_at(address, 0, kind);
    if (thing && thing->memory == address) return take(thing);
    misuses++;
    return INVALID_VALUE;
}

EXPORT CUresult cuMemFree_v2(void *address) {
    IN_CONTEXT(cuMemFree);
    return free_memory(address, DEVICE_MEMORY);
}

EXPORT CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
    IN_CONTEXT(cuMemHostAlloc);
    if (!bytes || flags > 7) return INVALID_VALUE;
    Thing *thing = add(HOST_MEMORY);
    thing->memory = malloc(bytes);
    thing->bytes = bytes;
    memset(thing->memory, 0xCD, bytes);
    *address = thing->memory;
    return OK;
}

EXPORT CUresult cuMemAllocHost_v2(void **address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }

EXPORT CUresult cuMemFreeHost(void *address) {
    IN_CONTEXT(cuMemFreeHost);
    return free_memory(address, HOST_MEMORY);
}

static void do_work(const Work *work) {
    if (work->kernel)
        work->kernel();
    else
        memcpy(work->to, work->from, work->bytes);
}

static CUresult enqueue(void *handle, Work work) {
    Thing *stream = get(handle, STREAM);
    if (!stream) return INVALID_HANDLE;
    if (!stream->capturing) return do_work(&work), OK;
    stream->work = realloc(stream->work, sizeof work * (size_t)(stream->work_count + 1));
    stream->work[stream->work_count++] = work;
    return OK;
}

EXPORT CUresult cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t bytes, void *stream) {
    IN_CONTEXT(cuMemcpyHtoDAsync);
    if (!memory_at(to, bytes, DEVICE_MEMORY)) return misuses++, sticky = ILLEGAL_ADDRESS;
    return enqueue(stream, (Work){to, from, bytes, NULL});
}

EXPORT CUresult cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t bytes, void *stream) {
    IN_CONTEXT(cuMemcpyDtoHAsync);
    if (!memory_at(from, bytes, DEVICE_MEMORY)) return misuses++, sticky = ILLEGAL_ADDRESS;
    return enqueue(stream, (Work){to, from, bytes, NULL});
}

/* For the tests: a kernel is a function of theirs, and memory is looked up before it is touched. */
EXPORT CUresult stand_in_launch(void (*kernel)(void), void *stream) {
    IN_CONTEXT(stand_in_launch);
    return enqueue(stream, (Work){NULL, NULL, 0, kernel});
}

EXPORT int stand_in_is_memory(const void *address, size_t bytes) {
    return memory_at(address, bytes, DEVICE_MEMORY) != NULL;
}

EXPORT CUresult cuStreamCreate(void **stream, unsigned flags) {
    IN_CONTEXT(cuStreamCreate);
    *stream = add(STREAM);
    return flags > 1 ? INVALID_VALUE : OK;
}

EXPORT CUresult cuStreamDestroy_v2(void *stream) {
    IN_CONTEXT(cuStreamDestroy);
    return take(get(stream, STREAM));
}

EXPORT CUresult cuStreamSynchronize(void *stream) {
    IN_CONTEXT(cuStreamSynchronize);
    Thing *thing = get(stream, STREAM);
    return !thing ? INVALID_HANDLE : thing->capturing ? CAPTURE_UNSUPPORTED : OK;
}

EXPORT CUresult cuEventCreate(void **event, unsigned flags) {
    IN_CONTEXT(cuEventCreate);
    *event = add(EVENT);
    return flags > 7 ? INVALID_VALUE : OK;
}

EXPORT CUresult cuEventDestroy_v2(void *event) {
    IN_CONTEXT(cuEventDestroy);
    return take(get(event, EVENT));
}

EXPORT CUresult cuEventRecord(void *handle, void *stream) {
    struct timespec now;
    IN_CONTEXT(cuEventRecord);
    Thing *event = get(handle, EVENT);
    if (!event || !get(stream, STREAM)) return INVALID_HANDLE;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->recorded_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    return OK;
}

EXPORT CUresult cuEventSynchronize(void *event) {
    IN_CONTEXT(cuEventSynchronize);
    return get(event, EVENT) ? OK : INVALID_HANDLE;
}

EXPORT CUresult cuEventQuery(void *event) {
    IN_CONTEXT(cuEventQuery);
    return get(event, EVENT) ? OK : INVALID_HANDLE;
}

EXPORT CUresult cuEventElapsedTime(float *milliseconds, void *from, void *to) {
    IN_CONTEXT(cuEventElapsedTime);
    Thing *start = get(from, EVENT), *end = get(to, EVENT);
    if (!start || !end || !start->recorded_ns || !end->recorded_ns) return INVALID_HANDLE;
    *milliseconds = (float)(end->recorded_ns - start->recorded_ns) / 1e6f;
    return OK;
}

EXPORT CUresult cuStreamBeginCapture_v2(void *handle, int mode) {
    IN_CONTEXT(cuStreamBeginCapture);
    Thing *stream = get(handle, STREAM);
    if (!stream || mode < 0 || mode > 2) return INVALID_HANDLE;
    stream->capturing = 1;
    return OK;
}

EXPORT CUresult cuStreamEndCapture(void *handle, void **graph) {
    IN_CONTEXT(cuStreamEndCapture);
    Thing *stream = get(handle, STREAM);
    if (!stream || !stream->capturing) return CAPTURE_INVALIDATED;
    Thing *made = add(GRAPH);
    made->work = stream->work, made->work_count = stream->work_count;
    stream->work = NULL, stream->work_count = stream->capturing = 0;
    *graph = made;
    return OK;
}

EXPORT CUresult cuGraphInstantiateWithFlags(void **executable, void *handle, unsigned long long flags) {
    IN_CONTEXT(cuGraphInstantiate);
    Thing *graph = get(handle, GRAPH);
    if (!graph || flags) return INVALID_HANDLE;
    Thing *made = add(EXECUTABLE);
    made->work_count = graph->work_count;
    made->work = malloc(sizeof(Work) * (size_t)(graph->work_count + 1));
    memcpy(made->work, graph->work, sizeof(Work) * (size_t)graph->work_count);
    *executable = made;
    return OK;
}

EXPORT CUresult cuGraphLaunch(void *handle, void *stream) {
    IN_CONTEXT(cuGraphLaunch);
    Thing *executable = get(handle, EXECUTABLE);
    if (!executable || !get(stream, STREAM)) return INVALID_HANDLE;
    for (int one = 0; one < executable->work_count; one++) do_work(&executable->work[one]);
    return OK;
}

EXPORT CUresult cuGraphDestroy(void *graph) {
    IN_CONTEXT(cuGraphDestroy);
    return take(get(graph, GRAPH));
}

EXPORT CUresult cuGraphExecDestroy(void *executable) {
    IN_CONTEXT(cuGraphExecDestroy);
    return take(get(executable, EXECUTABLE));
}

EXPORT CUresult cuGetProcAddress_v2(const char *, void **, int, unsigned long long, int *);
EXPORT CUresult cuGetProcAddress(const char *, void **, int, unsigned long long);
#define PLAIN(name) {#name, (void *)name}
#define SECOND(name) {#name, (void *)name##_v2}
static const struct { const char *name; void *function; } FUNCTIONS[] = {
    PLAIN(cuInit), PLAIN(cuDriverGetVersion), PLAIN(cuGetErrorString), PLAIN(cuGetErrorName), PLAIN(cuDeviceGet),
    PLAIN(cuDeviceGetCount), PLAIN(cuDeviceGetName), SECOND(cuDeviceTotalMem), PLAIN(cuDeviceGetAttribute),
    PLAIN(cuDeviceComputeCapability), SECOND(cuDeviceGetUuid), PLAIN(cuDeviceGetUuid_v2), PLAIN(cuDeviceGetPCIBusId),
    PLAIN(cuDevicePrimaryCtxRetain), SECOND(cuDevicePrimaryCtxRelease), PLAIN(cuCtxSetCurrent), PLAIN(cuCtxGetCurrent),
    SECOND(cuCtxPushCurrent), SECOND(cuCtxPopCurrent), PLAIN(cuCtxGetDevice), PLAIN(cuCtxSynchronize),
    SECOND(cuMemGetInfo), SECOND(cuMemAlloc), SECOND(cuMemFree), PLAIN(cuMemHostAlloc), SECOND(cuMemAllocHost),
    PLAIN(cuMemFreeHost), SECOND(cuMemcpyHtoDAsync), SECOND(cuMemcpyDtoHAsync), PLAIN(cuStreamCreate),
    SECOND(cuStreamDestroy), PLAIN(cuStreamSynchronize), PLAIN(cuEventCreate), SECOND(cuEventDestroy),
    PLAIN(cuEventRecord), PLAIN(cuEventSynchronize), PLAIN(cuEventQuery), PLAIN(cuEventElapsedTime),
    SECOND(cuStreamBeginCapture), PLAIN(cuStreamEndCapture), PLAIN(cuGraphInstantiateWithFlags),
    {"cuGraphInstantiate", (void *)cuGraphInstantiateWithFlags}, PLAIN(cuGraphLaunch), PLAIN(cuGraphDestroy),
    PLAIN(cuGraphExecDestroy), SECOND(cuGetProcAddress),
};

static int is_missing(const char *name) {
    const char *text = getenv("STAND_IN_WITHOUT"), *at = text ? strstr(text, name) : NULL;
    size_t length = strlen(name);
    return at && (at == text || at[-1] == ',') && (at[length] == 0 || at[length] == ',');
}

EXPORT CUresult cuGetProcAddress_v2(const char *name, void **function, int version, unsigned long long flags, int *status) {
    *function = NULL;
    (void)version, (void)flags;
    for (size_t one = 0; one < sizeof FUNCTIONS / sizeof *FUNCTIONS; one++)
        if (!strcmp(FUNCTIONS[one].name, name) && !is_missing(name)) *function = FUNCTIONS[one].function;
    if (status) *status = *function ? 0 : 1;
    return *function ? OK : NOT_FOUND;
}

EXPORT CUresult cuGetProcAddress(const char *name, void **function, int version, unsigned long long flags) {
    return cuGetProcAddress_v2(name, function, version, flags, NULL);
}
