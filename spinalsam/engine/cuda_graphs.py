"""Work on an NVIDIA GPU, recorded once and replayed: a network for one slice is hundreds of short steps, and starting each takes longer.

The recording belongs to the shapes of its inputs. Inputs are copied into its memory and answers out of it, so that a caller keeps what it
was given. See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from spinalsam.device.interrupt import interruptible
from spinalsam.device.manager import is_out_of_memory

_log = logging.getLogger(__name__)

# Recordings of one function that are kept: a decoder has one for each number of points and of prompts in a call.
MOST_KEPT = 12
# Runs before the recording, in which libraries choose their kernels and take their working memory.
WARM_UP_RUNS = 2

# PyTorch records on one stream for the whole process.
_RECORDING = Lock()

Function = Callable[..., Sequence[Tensor]]


@dataclass(frozen=True)
class _Recording:
    graph: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Graphed:
    """A function of tensors that all lie on one CUDA device; elsewhere, and where recording fails, it is called as it is.

    function: takes tensors and returns a sequence of tensors; may neither wait for the GPU nor depend on the values of its inputs.
    Several threads may call it; they take turns. After a recording that failed PyTorch draws no random numbers on the GPU any more (2.11);
    networks that only answer need none. Raises what the function raises, such as torch.cuda.OutOfMemoryError.
    """

    def __init__(self, function: Function, *, most_kept: int = MOST_KEPT) -> None:
        self.function, self.most_kept = function, most_kept
        self.recorded = True  # False from a recording that failed on
        self._kept: OrderedDict[Any, _Recording] = OrderedDict()
        self._lock = Lock()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        if not (self.recorded and all(tensor.device.type == "cuda" for tensor in inputs)):
            return tuple(self.function(*inputs))
        key = tuple((tensor.device, tensor.dtype, tensor.shape, tensor.stride()) for tensor in inputs)
        with self._lock, torch.inference_mode():
            recording = self._kept.get(key)
            if recording is None:
                try:
                    recording = self._record(inputs)
                except RuntimeError as error:
                    if is_out_of_memory(error):
                        self._kept.clear()
                        raise
                    _log.warning("Work on the GPU is not recorded and takes longer: %s", str(error).splitlines()[0])
                    self.recorded = False
                    return tuple(self.function(*inputs))
                self._kept[key] = recording
                if len(self._kept) > self.most_kept:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            for own, given in zip(recording.inputs, inputs, strict=True):
                own.copy_(given)
            recording.graph.replay()
            return tuple(output.clone() for output in recording.outputs)

    def _record(self, inputs: tuple[Tensor, ...]) -> _Recording:
        device = inputs[0].device
        own = tuple(tensor.clone() for tensor in inputs)
        with _RECORDING, torch.cuda.device(device), interruptible(_go_on):  # half a recording is none
            # As PyTorch asks for: the runs before the recording on a stream of their own.
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP_RUNS):
                    self.function(*own)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            # thread_local: what other threads do on the GPU meanwhile is none of the recording's business.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                outputs = tuple(self.function(*own))
        return _Recording(graph, own, outputs)


def _go_on() -> None:
    """Nothing ends this."""
