// bench-onnxruntime: makes the timed requests of one ONNX file in ONNX Runtime, on devices without Python.
//
//   bench-onnxruntime --model FILE --threads N --spin 0|1
//                     --input NAME TYPE SHAPE FILE ...      float32 1x3x224x224, values as they lie in memory
//                     --outputs FILE                        where the last outputs go, one after the other
//                     --graph FILE                          where the graph goes that is computed, its weights beside it
//                     --warmup MIN_COUNT MIN_NS MAX_COUNT MAX_NS
//                     --sampling MIN_COUNT MIN_NS MAX_COUNT MAX_NS
//   bench-onnxruntime --version
//
// A request copies the inputs into memory that the session is bound to, runs it, and copies the outputs out, as the
// worker in Python does it (devices/worker/runtimes/onnxruntime.py). A stage ends when both of its floors are reached,
// or one of its caps; a warm-up has no cap in count. What was measured is printed after it, as events of the worker's protocol.

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr const char *MARKER = "@bench ";
constexpr size_t ROWS_IN_A_LINE = 1000;
constexpr int64_t TELL_EVERY_NS = 1'000'000'000;
constexpr int64_t MOST_ROWS = 1'000'000;
constexpr size_t ALIGNMENT = 64;

// What goes wrong, by the kind that the host knows it by.
struct Failure : std::runtime_error {
    Failure(std::string kind, const std::string &message) : std::runtime_error(message), kind(std::move(kind)) {}
    std::string kind;
};

struct ElementType {
    const char *name;
    ONNXTensorElementDataType type;
    size_t bytes;
};

constexpr std::array<ElementType, 13> TYPES{{
    {"float32", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, 4},     {"float16", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, 2},
    {"bfloat16", ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, 2}, {"float64", ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, 8},
    {"int8", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, 1},         {"uint8", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, 1},
    {"int16", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, 2},       {"uint16", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, 2},
    {"int32", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, 4},       {"uint32", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, 4},
    {"int64", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, 8},       {"uint64", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, 8},
    {"bool", ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, 1},
}};

struct Bounds {
    int64_t min_count, min_ns, max_count, max_ns;
};

// Aligned memory of a tensor.
class Buffer {
  public:
    explicit Buffer(size_t bytes) : bytes_(bytes) {
        // Zero bytes are a tensor too, and aligned_alloc wants a multiple of the alignment.
        const size_t rounded = std::max<size_t>(1, (bytes + ALIGNMENT - 1) / ALIGNMENT) * ALIGNMENT;
        void *memory = nullptr;
        if (posix_memalign(&memory, ALIGNMENT, rounded) != 0) throw std::bad_alloc();
        std::memset(memory, 0, rounded);
        memory_.reset(static_cast<char *>(memory));
    }
    char *data() const { return memory_.get(); }
    size_t bytes() const { return bytes_; }

  private:
    struct Free {
        void operator()(char *memory) const { std::free(memory); }
    };
    std::unique_ptr<char, Free> memory_;
    size_t bytes_;
};

struct Input {
    std::string name;
    const ElementType *type;
    std::vector<int64_t> shape;
    std::string file;
};

struct Arguments {
    std::string model, outputs, graph;
    int threads = 1;
    bool spin = true;
    std::vector<Input> inputs;
    Bounds warmup{}, sampling{};
};

struct Row {
    int64_t start_ns, latency_ns, h2d_ns, compute_ns, d2h_ns;
};

int64_t now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::string quoted(const std::string &text) {
    std::string result = "\"";
    for (const unsigned char character : text) {
        if (character == '"' || character == '\\') {
            result += '\\';
            result += static_cast<char>(character);
        } else if (character < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", character);
            result += escaped;
        } else {
            result += static_cast<char>(character);
        }
    }
    return result + "\"";
}

void emit(const std::string &fields) {
    std::printf("%s{%s}\n", MARKER, fields.c_str());
    std::fflush(stdout);
}

int64_t whole_number(const std::string &text) {
    char *end = nullptr;
    errno = 0;
    const long long value = std::strtoll(text.c_str(), &end, 10);
    if (errno != 0 || text.empty() || *end != '\0' || value < 0) {
        throw Failure("bad-request", "expected a whole number, got " + text);
    }
    return value;
}

const ElementType &type_named(const std::string &name) {
    for (const auto &type : TYPES) {
        if (name == type.name) return type;
    }
    throw Failure("bad-request", "there is no type " + name);
}

const ElementType &type_of(ONNXTensorElementDataType type, const std::string &tensor) {
    for (const auto &known : TYPES) {
        if (known.type == type) return known;
    }
    throw Failure("bad-artifact", tensor + " has a type that is no array of numbers");
}

std::vector<int64_t> shape_of(const std::string &text) {
    std::vector<int64_t> shape;
    size_t begin = 0;
    while (begin < text.size()) {  // of a scalar the text is empty
        const size_t end = std::min(text.find('x', begin), text.size());
        shape.push_back(whole_number(text.substr(begin, end - begin)));
        begin = end + 1;
    }
    return shape;
}

size_t count_of(const std::vector<int64_t> &shape) {
    size_t count = 1;
    for (const int64_t size : shape) count *= static_cast<size_t>(size);
    return count;
}

std::string listed(const std::vector<int64_t> &numbers) {
    std::string result = "[";
    for (const int64_t number : numbers) result += (result.size() > 1 ? "," : "") + std::to_string(number);
    return result + "]";
}

Arguments parsed(const std::vector<std::string> &words) {
    Arguments arguments;
    size_t at = 0;
    const auto next = [&]() -> const std::string & {
        if (at >= words.size()) throw Failure("bad-request", "an argument is missing at the end");
        return words[at++];
    };
    const auto bounds = [&] {
        Bounds found{};
        for (int64_t *part : {&found.min_count, &found.min_ns, &found.max_count, &found.max_ns}) {
            *part = whole_number(next());
        }
        return found;
    };
    while (at < words.size()) {
        const std::string &word = next();
        if (word == "--model") arguments.model = next();
        else if (word == "--outputs") arguments.outputs = next();
        else if (word == "--graph") arguments.graph = next();
        else if (word == "--threads") arguments.threads = static_cast<int>(whole_number(next()));
        else if (word == "--spin") arguments.spin = whole_number(next()) != 0;
        else if (word == "--warmup") arguments.warmup = bounds();
        else if (word == "--sampling") arguments.sampling = bounds();
        else if (word == "--input") {
            Input input;
            input.name = next();
            input.type = &type_named(next());
            input.shape = shape_of(next());
            input.file = next();
            arguments.inputs.push_back(std::move(input));
        } else {
            throw Failure("bad-request", "there is no argument " + word);
        }
    }
    if (arguments.model.empty() || arguments.sampling.max_count < 1 || arguments.threads < 1) {
        throw Failure("bad-request", "--model, --sampling and one thread at least are needed");
    }
    return arguments;
}

void read_into(const Buffer &buffer, const std::string &path) {
    std::ifstream stream(path, std::ios::binary | std::ios::ate);
    if (!stream) throw Failure("bad-request", "cannot read " + path);
    if (static_cast<size_t>(stream.tellg()) != buffer.bytes()) {
        throw Failure("bad-request", path + " has another size than its shape and type say");
    }
    stream.seekg(0);
    stream.read(buffer.data(), static_cast<std::streamsize>(buffer.bytes()));
    if (!stream) throw Failure("bad-request", "cannot read " + path);
}

// One tensor on both sides of its copy: `bound` is the session's, `host` the program's.
struct Tensor {
    std::string name;
    const ElementType *type;
    std::vector<int64_t> shape;
    std::unique_ptr<Buffer> host, bound;
    Ort::Value value{nullptr};
};

class Model {
  public:
    explicit Model(const Arguments &arguments) : environment_(ORT_LOGGING_LEVEL_WARNING, "bench") {
        Ort::SessionOptions options;
        options.SetIntraOpNumThreads(arguments.threads);
        options.SetInterOpNumThreads(1);
        options.SetExecutionMode(ORT_SEQUENTIAL);
        options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
        options.AddConfigEntry("session.intra_op.allow_spinning", arguments.spin ? "1" : "0");
        if (!arguments.graph.empty()) {
            options.SetOptimizedModelFilePath(arguments.graph.c_str());
            // With its weights in it, a graph of more than 2 GiB could not be written.
            options.AddConfigEntry("session.optimized_model_external_initializers_file_name", "graph-weights");
        }
        const int64_t began_ns = now_ns();
        try {
            session_ = Ort::Session(environment_, arguments.model.c_str(), options);
        } catch (const Ort::Exception &error) {
            throw Failure("bad-artifact", error.what());
        }
        load_ns_ = now_ns() - began_ns;
        binding_ = Ort::IoBinding(session_);
        bind_inputs(arguments.inputs);
        name_outputs();
    }

    int64_t load_ns() const { return load_ns_; }

    // The first request, which shows how large the outputs are; those of a fixed size get memory of their own.
    void prepare() {
        copy_in();
        for (const auto &output : outputs_) binding_.BindOutput(output.name.c_str(), memory_);
        session_.Run(Ort::RunOptions{nullptr}, binding_);
        const auto values = binding_.GetOutputValues();
        binding_.ClearBoundOutputs();
        for (size_t number = 0; number < outputs_.size(); ++number) {
            auto &output = outputs_[number];
            const auto found = values[number].GetTensorTypeAndShapeInfo();
            output.type = &type_of(found.GetElementType(), output.name);
            output.shape = found.GetShape();
            const size_t bytes = count_of(output.shape) * output.type->bytes;
            output.host = std::make_unique<Buffer>(bytes);
            output.bound = std::make_unique<Buffer>(bytes);
            output.value = wrapped(output);
            binding_.BindOutput(output.name.c_str(), output.value);
        }
    }

    Row request(int64_t origin_ns) {
        const int64_t start_ns = now_ns();
        copy_in();
        const int64_t copied_ns = now_ns();
        session_.Run(Ort::RunOptions{nullptr}, binding_);
        const int64_t computed_ns = now_ns();
        for (const auto &output : outputs_) {
            std::memcpy(output.host->data(), output.bound->data(), output.host->bytes());
        }
        const int64_t end_ns = now_ns();
        return {start_ns - origin_ns, end_ns - start_ns, copied_ns - start_ns, computed_ns - copied_ns,
                end_ns - computed_ns};
    }

    void write_outputs(const std::string &path) const {
        std::ofstream stream(path, std::ios::binary);
        std::string tensors;
        for (const auto &output : outputs_) {
            stream.write(output.host->data(), static_cast<std::streamsize>(output.host->bytes()));
            tensors += (tensors.empty() ? "" : ",") + ("{\"name\":" + quoted(output.name)) + ",\"dtype\":\"" +
                       output.type->name + "\",\"shape\":" + listed(output.shape) + "}";
        }
        stream.close();
        if (!stream) throw Failure("storage", "cannot write the outputs to " + path);
        emit("\"event\":\"outputs\",\"tensors\":[" + tensors + "]");
    }

  private:
    Ort::Value wrapped(const Tensor &tensor) const {
        return Ort::Value::CreateTensor(memory_, tensor.bound->data(), tensor.bound->bytes(), tensor.shape.data(),
                                        tensor.shape.size(), tensor.type->type);
    }

    void bind_inputs(const std::vector<Input> &given) {
        if (given.size() != session_.GetInputCount()) {
            throw Failure("bad-request", "the model has " + std::to_string(session_.GetInputCount()) + " inputs, " +
                                             std::to_string(given.size()) + " were given");
        }
        for (const auto &one : given) {
            const size_t bytes = count_of(one.shape) * one.type->bytes;
            Tensor tensor{one.name, one.type, one.shape, std::make_unique<Buffer>(bytes),
                          std::make_unique<Buffer>(bytes)};
            read_into(*tensor.host, one.file);
            tensor.value = wrapped(tensor);
            try {
                binding_.BindInput(tensor.name.c_str(), tensor.value);
            } catch (const Ort::Exception &error) {
                throw Failure("bad-request", error.what());
            }
            inputs_.push_back(std::move(tensor));
        }
    }

    void name_outputs() {
        Ort::AllocatorWithDefaultOptions allocator;
        for (size_t number = 0; number < session_.GetOutputCount(); ++number) {
            Tensor output{};
            output.name = session_.GetOutputNameAllocated(number, allocator).get();
            outputs_.push_back(std::move(output));
        }
    }

    void copy_in() const {
        for (const auto &input : inputs_) {
            std::memcpy(input.bound->data(), input.host->data(), input.host->bytes());
        }
    }

    Ort::Env environment_;
    Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    Ort::Session session_{nullptr};
    Ort::IoBinding binding_{nullptr};
    std::vector<Tensor> inputs_, outputs_;
    int64_t load_ns_ = 0;
};

struct Stage {
    std::vector<Row> rows;
    const char *stopped_by = "floors";
    int64_t elapsed_ns = 0;
};

Stage run(Model &model, const char *name, const Bounds &bounds, int64_t origin_ns) {
    Stage stage;
    if (bounds.min_count == 0 && bounds.min_ns == 0) return stage;
    // Touched before the clock runs, so that no request pays for new pages. A warm-up lasts as long as its floor in
    // time asks for, however many requests of a fast model that takes, and its memory grows.
    const bool warms_up = std::strcmp(name, "warmup") == 0;
    stage.rows.resize(static_cast<size_t>(std::min<int64_t>(bounds.max_count, MOST_ROWS)));
    size_t count = 0;
    const auto tell = [&] {
        emit("\"event\":\"progress\",\"stage\":\"" + std::string(name) + "\",\"count\":" + std::to_string(count) +
             ",\"elapsed_ns\":" + std::to_string(stage.elapsed_ns));
    };
    tell();
    const int64_t began_ns = now_ns();
    int64_t told_ns = began_ns;
    while (true) {
        if (count == stage.rows.size()) stage.rows.resize(std::min<size_t>(2 * count, MOST_ROWS));
        stage.rows[count++] = model.request(origin_ns);
        const int64_t at_ns = now_ns();
        stage.elapsed_ns = at_ns - began_ns;
        const auto done = static_cast<int64_t>(count);
        if (done >= bounds.min_count && stage.elapsed_ns >= bounds.min_ns) break;
        if (stage.elapsed_ns >= bounds.max_ns) {
            stage.stopped_by = "max_ns";
            break;
        }
        if (count == (warms_up ? static_cast<size_t>(MOST_ROWS) : stage.rows.size())) {
            stage.stopped_by = "max_count";
            break;
        }
        if (at_ns - told_ns >= TELL_EVERY_NS) {
            told_ns = at_ns;
            tell();
        }
    }
    stage.rows.resize(count);
    return stage;
}

void emit_samples(const char *name, const std::vector<Row> &rows) {
    const std::array<std::pair<const char *, int64_t Row::*>, 5> columns{{{"start_ns", &Row::start_ns},
                                                                         {"latency_ns", &Row::latency_ns},
                                                                         {"h2d_ns", &Row::h2d_ns},
                                                                         {"compute_ns", &Row::compute_ns},
                                                                         {"d2h_ns", &Row::d2h_ns}}};
    for (size_t first = 0; first < rows.size(); first += ROWS_IN_A_LINE) {
        const size_t end = std::min(rows.size(), first + ROWS_IN_A_LINE);
        std::string fields = "\"event\":\"samples\",\"stage\":\"" + std::string(name) + "\",\"first\":" +
                             std::to_string(first);
        for (const auto &[column, member] : columns) {
            std::vector<int64_t> values;
            for (size_t row = first; row < end; ++row) values.push_back(rows[row].*member);
            fields += std::string(",\"") + column + "\":" + listed(values);
        }
        emit(fields);
    }
}

int64_t peak_rss_bytes() {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word) {
        if (word == "VmHWM:") {
            int64_t kib = 0;
            status >> kib;
            return kib * 1024;
        }
    }
    return 0;
}

std::string ended(const Stage &stage) {
    return "{\"count\":" + std::to_string(stage.rows.size()) + ",\"elapsed_ns\":" + std::to_string(stage.elapsed_ns) +
           ",\"stopped_by\":\"" + stage.stopped_by + "\"}";
}

void measure(const Arguments &arguments) {
    const int64_t origin_ns = now_ns();
    Model model(arguments);
    emit("\"event\":\"loaded\",\"version\":" + quoted(OrtGetApiBase()->GetVersionString()) +
         ",\"load_ns\":" + std::to_string(model.load_ns()));
    model.prepare();
    const Stage warmup = run(model, "warmup", arguments.warmup, origin_ns);
    const Stage sampling = run(model, "sampling", arguments.sampling, origin_ns);
    const int64_t peak = peak_rss_bytes();
    if (!arguments.outputs.empty()) model.write_outputs(arguments.outputs);
    emit_samples("warmup", warmup.rows);
    emit_samples("sampling", sampling.rows);
    emit("\"event\":\"done\",\"warmup\":" + ended(warmup) + ",\"sampling\":" + ended(sampling) +
         ",\"peak_rss_bytes\":" + std::to_string(peak));
}

int failed(const std::string &kind, const std::string &message) {
    emit("\"event\":\"error\",\"kind\":" + quoted(kind) + ",\"message\":" + quoted(message.substr(0, 2000)));
    return 1;
}

}  // namespace

int main(int count, char **words) {
    const std::vector<std::string> given(words + 1, words + count);
    try {
        if (given == std::vector<std::string>{"--version"}) {
            std::printf("bench-onnxruntime with ONNX Runtime %s\n", OrtGetApiBase()->GetVersionString());
            return 0;
        }
        measure(parsed(given));
    } catch (const Failure &failure) {
        return failed(failure.kind, failure.what());
    } catch (const std::bad_alloc &) {
        return failed("out-of-memory", "memory ran out");
    } catch (const std::exception &error) {
        return failed("runtime-failed", error.what());
    }
    return 0;
}
