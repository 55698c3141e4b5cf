// What libtorch offers to C++ and tch does not hand on: nodes of the autograd graph whose gradients
// are computed elsewhere, libtorch's own threads, and its GPUs.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/TensorIterator.h>
#include <torch/csrc/autograd/edge.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/cuda.h>

#ifdef WITH_CUDA
namespace at::cuda {
int warp_size();
}
#endif

namespace {

using torch::autograd::variable_list;

// Writes one new tensor, or null, for each input that is asked for; false and why if it failed.
using Backward = bool (*)(void *state, const at::Tensor *gradient, const bool *asked,
                          at::Tensor **out, std::string *why);
using Drop = void (*)(void *state);

struct RustNode : torch::autograd::Node {
    RustNode(Backward backward, Drop drop, void *state)
        : backward(backward), drop(drop), state(state) {}

    ~RustNode() override { release_variables(); }

    variable_list apply(variable_list &&gradients) override {
        const auto count = num_outputs();
        if (!gradients[0].defined()) {
            return variable_list(count);
        }
        if (state == nullptr) {
            throw std::runtime_error("the graph was already freed by an earlier backward pass");
        }
        auto asked = std::make_unique<bool[]>(count);
        for (uint32_t i = 0; i < count; ++i) {
            asked[i] = task_should_compute_output(i);
        }
        std::vector<at::Tensor *> out(count, nullptr);
        std::string why;
        const bool succeeded = backward(state, &gradients[0], asked.get(), out.data(), &why);
        variable_list results(count);
        for (uint32_t i = 0; i < count; ++i) {
            std::unique_ptr<at::Tensor> owned(out[i]);
            if (owned != nullptr) {
                results[i] = std::move(*owned);
            }
        }
        if (!succeeded) {
            throw std::runtime_error(why);
        }
        return results;
    }

    void release_variables() override {
        if (state != nullptr) {
            drop(std::exchange(state, nullptr));
        }
    }

    Backward backward;
    Drop drop;
    void *state;
};

template <typename F> bool without_exceptions(F &&run) {
    try {
        run();
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace

extern "C" {

void twoviews_write(std::string *to, const char *text, size_t length) { to->assign(text, length); }

// Makes `output` depend on `inputs`, if gradients are wanted; `state` is owned from here on, also where
// this fails.
bool twoviews_with_gradient(at::Tensor *output, at::Tensor *const *inputs, size_t count,
                            Backward backward, Drop drop, void *state) {
    return without_exceptions([&] {
        auto node = c10::make_intrusive<RustNode>(backward, drop, state);
        const bool wanted = at::GradMode::is_enabled() &&
            std::any_of(inputs, inputs + count,
                        [](const at::Tensor *input) { return input->requires_grad(); });
        if (!wanted) {
            return;
        }
        torch::autograd::edge_list edges;
        for (size_t i = 0; i < count; ++i) {
            edges.push_back(torch::autograd::impl::gradient_edge(*inputs[i]));
        }
        node->set_next_edges(std::move(edges));
        torch::autograd::set_history(*output, std::move(node));
    });
}

// Without a reference to something in libtorch_cuda the linker leaves that library out, and libtorch
// does not see any GPU.
size_t twoviews_gpus() {
#ifdef WITH_CUDA
    static int (*volatile kept)() = &at::cuda::warp_size;
    (void)kept;
#endif
    size_t count = 0;
    without_exceptions([&] { count = torch::cuda::device_count(); });
    return count;
}

// Null where there is no such memory.
at::Tensor *twoviews_pinned(const at::Tensor *x) {
    at::Tensor *copy = nullptr;
    without_exceptions([&] { copy = new at::Tensor(x->pin_memory()); });
    return copy;
}

// Calls run(state, part) for parts 0 to `parts`, spread over libtorch's threads. A tensor iterator is
// the only loop of theirs that is compiled into libtorch and not into its caller.
bool twoviews_parallel(int64_t parts, void (*run)(void *state, int64_t part), void *state) {
    return without_exceptions([&] {
        const auto indices = at::arange(parts, at::kLong);
        auto loop = at::TensorIterator::borrowing_nullary_op(indices);
        loop.for_each(
            [&](char **data, const int64_t *strides, int64_t count) {
                for (int64_t i = 0; i < count; ++i) {
                    run(state, *reinterpret_cast<const int64_t *>(data[0] + i * strides[0]));
                }
            },
            /*grain_size=*/1);
    });
}
}
