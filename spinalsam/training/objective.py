"""What a training step optimises: several rounds of prompting on one encoding, as in SAM (Kirillov et al., ICCV 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor, nn

from spinalsam.engine.compact import CLICK_MEANINGS
from spinalsam.training.dataset import BONE, TARGET, WHOLE, Batch
from spinalsam.training.interaction import corrective_click, first_click, jittered_box
from spinalsam.training.networks import PromptNetwork

MAX_POINTS = 6
MEANING_WEIGHTS = (0.35, 0.55, 0.2)  # of the piece, the whole and the spine in the loss of a click
MEANT_SHARES = (0.35, 0.6, 0.05)  # of the clicks that are corrected mean the piece, the whole, the spine


@dataclass(frozen=True)
class PromptMix:
    """How the simulated user works: share of boxes at first, box jitter, and the chance of each number of rounds."""

    box_share: float = 0.65
    box_jitter: float = 0.05
    rounds: tuple[float, ...] = (0.5, 0.3, 0.2)


@dataclass
class _Prompts:
    """The prompts of a batch so far. points: (b, n, 2); kinds: (b, n), -1 where there is none; boxes: (b, 4) or NaN.

    masks: (b, h, w) bool, what is meant. meanings: (b, 3, h, w) bool, what one click may mean, in the order of `CLICK_MEANINGS`;
    meant: (b,) which of them it is.
    """

    points: Tensor
    kinds: Tensor
    boxes: Tensor
    masks: np.ndarray
    meanings: np.ndarray
    meant: np.ndarray

    def add(self, image: int, x: float, y: float, positive: bool) -> None:
        free = torch.nonzero(self.kinds[image] < 0)
        if len(free):
            slot = int(free[0])
            self.points[image, slot] = torch.tensor([x, y])
            self.kinds[image, slot] = float(positive)

    @property
    def ambiguous(self) -> Tensor:
        """(b,) bool: one click and no box."""
        return torch.isnan(self.boxes[:, 0]) & ((self.kinds >= 0).sum(1) == 1)


def first_prompts(rng: np.random.Generator, batch: Batch, mix: PromptMix) -> _Prompts:
    """A box or one click an image. A click may mean the piece under it, the whole vertebra or all of the spine in view."""
    size = len(batch.pixels)
    masks = (batch.masks & TARGET) > 0
    meanings = np.repeat(masks[:, None], len(CLICK_MEANINGS), axis=1)
    meant = np.zeros(size, np.int64)
    points, kinds = torch.zeros(size, MAX_POINTS, 2), torch.full((size, MAX_POINTS), -1.0)
    prompts = _Prompts(points, kinds, torch.full((size, 4), float("nan")), masks, meanings, meant)
    whole, bone = (batch.masks & WHOLE) > 0, (batch.masks & BONE) > 0
    for image in range(size):
        if rng.random() < mix.box_share:
            prompts.boxes[image] = torch.from_numpy(jittered_box(rng, masks[image], jitter=mix.box_jitter * rng.uniform(0, 1.4)))
        else:
            x, y = first_click(rng, whole[image] if rng.random() < 0.7 else masks[image])
            prompts.add(image, x, y, True)
            meanings[image] = (_piece_at(whole[image], x, y), whole[image], bone[image] | whole[image])
            meant[image] = rng.choice(len(CLICK_MEANINGS), p=MEANT_SHARES)
            masks[image] = meanings[image, meant[image]]
    return prompts


def _piece_at(mask: np.ndarray, x: float, y: float) -> np.ndarray:
    pieces, _ = ndimage.label(mask)
    return pieces == pieces[int(y), int(x)]


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Focal (gamma 1, for soft targets) plus Dice loss per mask. logits, target: (b, n, h, w) → (b, n)."""
    probability = logits.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    focal = (cross * (probability - target).abs().clamp_min(0.05)).mean(dim=(2, 3))
    overlap = (probability * target).sum(dim=(2, 3))
    total = (probability * probability).sum(dim=(2, 3)) + (target * target).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return 10 * focal + dice


def soft_iou(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of the thresholded masks, without gradient. (b, n, h, w) → (b, n)."""
    with torch.no_grad():
        predicted, truth = logits > 0, target > 0.5
        union = (predicted | truth).sum(dim=(2, 3)).float()
        return (predicted & truth).sum(dim=(2, 3)).float() / union.clamp_min(1)


class InteractiveStep(nn.Module):
    """Encode a batch once, prompt it for some rounds, sum the losses. A module, so that DDP wraps it as it is."""

    def __init__(self, model: PromptNetwork, mix: PromptMix) -> None:
        super().__init__()
        self.model, self.mix = model, mix

    def forward(self, batch: Batch, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        device = next(self.model.parameters()).device
        pixels = torch.from_numpy(batch.pixels.astype(np.float32))[:, None].to(device)
        features = self.model.encode(self.model.prepare(pixels).contiguous(memory_format=torch.channels_last))
        prompts = first_prompts(rng, batch, self.mix)
        stride = self.model.mask_stride
        target = F.avg_pool2d(torch.from_numpy(prompts.masks.astype(np.float32))[:, None], stride).to(device)
        meanings = F.avg_pool2d(torch.from_numpy(prompts.meanings.astype(np.float32)), stride).to(device)
        meant = 1 + torch.from_numpy(prompts.meant).to(device)
        previous = torch.zeros(len(pixels), 1, *target.shape[-2:], device=device)
        rounds = 1 + int(rng.choice(len(self.mix.rounds), p=self.mix.rounds))
        losses, figures = [], {}
        for number in range(rounds):
            logits, predicted_iou = self.model.decode(
                features, prompts.points.to(device), prompts.kinds.to(device), prompts.boxes.to(device), previous
            )
            ambiguous = prompts.ambiguous.to(device)
            # Where the prompt is clear, all candidates learn what is meant; where it is one click, each learns its own meaning.
            targets = torch.cat([target, torch.where(ambiguous[:, None, None, None], meanings, target)], dim=1)
            loss, chosen = self._loss(logits, predicted_iou, targets, torch.where(ambiguous, meant, 0))
            losses.append(loss)
            dice = _dice(chosen, target)
            for name, part in (("box", ~torch.isnan(prompts.boxes[:, 0])), ("point", torch.isnan(prompts.boxes[:, 0]))):
                if part.any():
                    figures[f"{name}_{number}"] = float(dice[part.to(device)].mean())
            if number + 1 < rounds:
                previous = chosen.detach()
                self._correct(rng, prompts, chosen.detach())
        return torch.stack(losses).mean(), figures

    def _loss(self, logits: Tensor, predicted_iou: Tensor, targets: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """logits, targets: (b, 4, h, w). index: (b,) the candidate that answers: 0 for clear prompts, else that of the meaning.

        SAM lets the best of three candidates learn from an ambiguous click; with so few slices they come to say the same, so here
        each has a meaning of its own and learns it from every click. Returns the loss and the answers (b, 1, h, w).
        """
        losses = mask_loss(logits, targets)
        rows = torch.arange(len(logits), device=logits.device)
        clear = (index == 0).float()
        shares = torch.tensor(MEANING_WEIGHTS, device=logits.device)
        loss = clear * (losses[:, 0] + 0.1 * losses[:, 1:].mean(dim=1)) + (1 - clear) * (losses[:, 1:] * shares).sum(dim=1)
        quality = F.mse_loss(predicted_iou, soft_iou(logits, targets), reduction="none").mean(1)
        return (loss + quality).mean(), logits[rows, index][:, None]

    def _correct(self, rng: np.random.Generator, prompts: _Prompts, logits: Tensor) -> None:
        stride = self.model.mask_stride
        predicted = (F.interpolate(logits.float(), scale_factor=stride, mode="bilinear")[:, 0] > 0).cpu().numpy()
        for image, (guess, truth) in enumerate(zip(predicted, prompts.masks, strict=True)):
            click = corrective_click(rng, guess, truth)
            if click is not None:
                prompts.add(image, *click)


def _dice(logits: Tensor, target: Tensor) -> Tensor:
    iou = soft_iou(logits, target)[:, 0]
    return 2 * iou / (1 + iou)
