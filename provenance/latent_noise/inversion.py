"""From a picture back to the noise that a Stable Diffusion pipeline made it from, approximately."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.Image import Image, Resampling

from intaglio.errors import ConfigurationError
from intaglio.pictures import flatten
from intaglio.provenance.latent_noise.pipelines import layout_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverter:
    """Runs a pipeline's sampling backwards: encodes the picture, then solves each DDIM step for where it came from.

    Prompt and guidance are not known, so it runs with the empty prompt and no guidance. The more the pipeline
    shrinks what its noise says (strong guidance, few steps, small pictures), the less comes back.

    Attributes:
        pipeline: The pipeline that may have made the pictures: Stable Diffusion or SDXL, with a scheduler that
            knows ``alphas_cumprod`` and predicts ``epsilon`` or ``v_prediction``.
        height: Height in pixels at which the pipeline generates; None for its own.
        width: Width likewise. Pictures of other sizes are scaled to these.
        steps: DDIM steps, each one pass of the network, or `passes` of them.
        passes: Fixed-point iterations for each step. More is more exact where it converges, and worse where not.
        refinements: Gradient steps that fit the latents to the picture through the decoder; 0 for the encoder alone.

    Raises:
        ConfigurationError: The pipeline cannot be inverted here.
    """

    pipeline: Any
    height: int | None = None
    width: int | None = None
    steps: int = 20
    passes: int = 1
    refinements: int = 60

    def __post_init__(self) -> None:
        layout_of(self.pipeline)
        scheduler: Any = self.pipeline.scheduler
        predicts = getattr(scheduler.config, "prediction_type", None)
        if not hasattr(scheduler, "alphas_cumprod") or predicts not in ("epsilon", "v_prediction"):
            raise ConfigurationError(
                f"Sampling with {type(scheduler).__name__} cannot be run backwards here; use a DDIM-like scheduler."
            )

    def noise(self, image: Image) -> npt.NDArray[np.float32]:
        """Return an estimate of the initial noise, shape (channels, rows, columns). Its scale means nothing."""
        import torch

        torch_: Any = torch  # its array functions have no complete types
        pipeline = self.pipeline
        channels, factor = layout_of(pipeline)
        side = pipeline.unet.config.sample_size
        rows, columns = (side, side) if isinstance(side, int) else side
        size = (self.width or columns * factor, self.height or rows * factor)
        picture = flatten(image)
        if picture.size != size:
            picture = picture.resize(size, Resampling.BICUBIC)
        pixels = torch_.from_numpy(np.asarray(picture, dtype=np.float32).transpose(2, 0, 1)[None] / 127.5 - 1)
        with torch.no_grad():
            latents = self._encoded(pixels.to(device=pipeline.vae.device, dtype=pipeline.vae.dtype))
            noise = self._unsampled(latents.to(device=pipeline.unet.device, dtype=pipeline.unet.dtype), size)
        estimate: npt.NDArray[np.float32] = noise[0].float().cpu().numpy()
        assert estimate.shape[0] == channels
        return estimate

    def _encoded(self, pixels: Any) -> Any:
        import torch

        codec: Any = self.pipeline.vae
        shift = getattr(codec.config, "shift_factor", None) or 0.0
        latents = codec.encode(pixels).latent_dist.mode()
        if self.refinements:
            # The encoder only approximates the decoder's inverse; what it misses drowns the noise.
            with torch.enable_grad():
                latents = latents.detach().clone().requires_grad_(True)
                optimizer: Any = torch.optim.Adam([latents], lr=0.03 / codec.config.scaling_factor)
                for _ in range(self.refinements):
                    loss = (codec.decode(latents).sample - pixels).square().sum()
                    (latents.grad,) = torch.autograd.grad(loss, latents)
                    optimizer.step()
        return (latents.detach() - shift) * codec.config.scaling_factor

    def _unsampled(self, latents: Any, size: tuple[int, int]) -> Any:
        scheduler = copy.copy(self.pipeline.scheduler)  # setting the steps replaces its attributes only
        scheduler.set_timesteps(self.steps)
        times = [int(each) for each in scheduler.timesteps]
        kept = [float(scheduler.alphas_cumprod[time]) for time in times]
        final = float(getattr(scheduler, "final_alpha_cumprod", 1.0))
        condition = self._condition(size, latents)
        velocity = scheduler.config.prediction_type == "v_prediction"
        for time, here, before in reversed(list(zip(times, kept, [*kept[1:], final], strict=True))):
            of_state, of_output = _ddim(here, before, velocity=velocity)
            earlier, guess = latents, latents
            for _ in range(self.passes):
                output = self.pipeline.unet(guess, time, **condition).sample
                guess = (earlier - of_output * output) / of_state
            latents = guess
        return latents

    def _condition(self, size: tuple[int, int], like: Any) -> dict[str, Any]:
        width, height = size
        given = self.pipeline.encode_prompt(
            prompt="", device=like.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        condition: dict[str, Any] = {"encoder_hidden_states": given[0]}
        if len(given) == 4:  # SDXL: also the pooled text, and original size, corner and target size
            frame = like.new_tensor([[height, width, 0, 0, height, width]])
            condition["added_cond_kwargs"] = {"text_embeds": given[2], "time_ids": frame}
        return condition


def _ddim(here: float, before: float, *, velocity: bool) -> tuple[float, float]:
    """The DDIM step as ``before = a * here + b * output`` (Song, Meng and Ermon, 2021): a and b."""
    signal, noise = here**0.5, (1 - here) ** 0.5
    signal_before, noise_before = before**0.5, (1 - before) ** 0.5
    if velocity:
        return signal_before * signal + noise_before * noise, noise_before * signal - signal_before * noise
    return signal_before / signal, noise_before - signal_before * noise / signal
