// A .pte file in; an ExecuTorch program that answers windows, for ctypes, out.
//
// ExecuTorch's own Python module needs the whole of PyTorch in the process. Its C++ runtime does
// not, and comes in the same wheel.

#include <cstring>
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <executorch/extension/threadpool/threadpool_guard.h>
#include <string>

using executorch::extension::from_blob;
using executorch::extension::Module;
using executorch::extension::TensorPtr;
using executorch::extension::threadpool::NoThreadPoolGuard;

namespace {
struct Program {
  explicit Program(const std::string& path) : module(path) {}
  Module module;
  TensorPtr input;
};
}  // namespace

// NULL where the file cannot be loaded. `input` holds (1, channel, time) and is read at each run.
extern "C" void* open_program(const char* path, float* input, int channels, int samples) {
  NoThreadPoolGuard::set_enabled(true);  // of this thread, from now on: one thread for all
  auto* program = new Program(path);
  program->input = from_blob(input, {1, channels, samples});
  if (program->module.load_forward() == executorch::runtime::Error::Ok) return program;
  delete program;
  return nullptr;
}

// 0, or ExecuTorch's error; -1 where it gives another number of logits.
extern "C" int run_program(void* opened, float* logits, int classes) {
  auto* program = static_cast<Program*>(opened);
  const auto answer = program->module.forward(program->input);
  if (!answer.ok()) return static_cast<int>(answer.error());
  const auto tensor = answer->at(0).toTensor();
  if (tensor.numel() != classes) return -1;
  std::memcpy(logits, tensor.const_data_ptr<float>(), classes * sizeof(float));
  return 0;
}
