"""What Intaglio adds to one picture: each stage, and the share of a 20-step generation.

    make bench        # or: python -m benchmarks.overhead [--rounds N]

The peer in the same run is the generation itself: 20 steps of a latent diffusion pipeline. Two are printed.
The demo's own generator is tiny (64 px inside, enlarged to 512), so its share is the worst case that one
will meet. The second is a Stable Diffusion 1.5 UNet at its real size (860 M parameters, random weights: speed
does not depend on them), timed for one step on this machine and multiplied by 20; classifier-free guidance
doubles it. It is left out when the machine has less than 8 GB of free memory or with --no-large.

What was learned: screening dominates, because open_nsfw looks at several regions of a picture; then come
PNG compression and the mark. Signing, recording and reading back are small. Processor seconds of one thread
are the unit, because wall time on a shared machine says more about its neighbors.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL.Image import Image, fromarray

from intaglio.detectors.screening import screen
from intaglio.guarding import claims, deliveries, stages, verify
from intaglio.guarding.calls import Call, Options, Plan, authorized
from intaglio.guarding.handover import record
from intaglio.guarding.home import initialize
from intaglio.guarding.press import Press, open_press
from intaglio.guarding.stages import Finished
from intaglio.licensing.identity import hosted
from intaglio.licensing.license import read_license
from intaglio.pictures import decode, encode
from intaglio.provenance.fingerprint import fingerprint
from intaglio.provenance.layout import layout
from intaglio.provenance.mark import engrave

LICENSE = """
schema = "model-license/1"
id = "urn:bench"
version = 1
work = { name = "bench", kind = "hosted" }
holder = { id = "urn:bench:holder", name = "bench" }
subject = [{ role = "model", model = "bench" }]
grant = { model_use = ["generate"] }
fee = { per = "picture", amount = "0.001", currency = "EUR" }
"""


def sample(side: int) -> Image:
    """A textured picture of a side in pixels."""
    random = np.random.default_rng(side)
    shapes = np.kron(random.integers(40, 200, (8, 8, 3)), np.ones((side // 8, side // 8, 1)))
    return fromarray(np.clip(shapes + random.normal(0, 8, shapes.shape), 0, 255).astype(np.uint8))


def seconds(action: Callable[[], Any], rounds: int) -> float:
    """Median processor seconds of an action, after one round to warm up."""
    action()
    times: list[float] = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return statistics.median(times)


def stage_times(press: Press, side: int, rounds: int) -> dict[str, float]:
    """Processor seconds of each stage for one square picture."""
    image = sample(side)
    call = _call(press)
    claim = _claim(call, engrave(image, 0x0123456789ABCDEF, press.watermark))
    marked = engrave(image, int(claim.id, 16), press.watermark)
    finished = stages.seal(press, claim, marked, "image/png")
    xmp = claims.xmp(claim)
    encoding = seconds(lambda: encode(marked, "image/png", xmp), rounds)
    reading = seconds(lambda: (decode(finished.data), press.watermark.extract(marked), layout(marked)), rounds)
    sealing = seconds(lambda: stages.seal(press, claim, marked, "image/png"), rounds)
    return {
        "permit": seconds(lambda: _call(press), rounds),
        "screen": seconds(lambda: [press.policy.judge(each) for each in screen([image], press.detectors)], rounds),
        "mark, read back": seconds(lambda: engrave(image, 7, press.watermark), rounds),
        "fingerprint": seconds(lambda: fingerprint(marked), rounds),
        "encode PNG": encoding,
        "sign": max(0.0, sealing - encoding - reading),
        "re-open own file": reading,
        "record, hand over": seconds(lambda: _recorded(press, image), rounds)
        - seconds(lambda: _made(press, image), rounds),
        "(verify from outside)": seconds(lambda: verify(finished.data, settings=press.settings), rounds),
    }


def _call(press: Press) -> Call:
    options = Options(press=press, account="bench", on_block="raise")
    return authorized(options, Plan(works=hosted("bench"), software=("bench", "1")))


def _claim(call: Call, marked: Image) -> claims.Claim:
    return claims.Claim(
        id="0123456789abcdef",
        scheme=call.options.press.watermark.scheme,
        request=call.request,
        authorization=call.authorization,
        fingerprint=fingerprint(marked),
    )


def _made(press: Press, image: Image) -> tuple[Call, Finished]:
    call = _call(press)
    draft = stages.Draft(image=image, media_type="image/png")
    [decision] = [press.policy.judge(each) for each in screen([image], press.detectors)]
    return call, stages.finish(press, call.request, call.authorization, draft, decision)


def _recorded(press: Press, image: Image) -> None:
    call, finished = _made(press, image)
    record(call, [finished])
    deliveries.hand_over(press.store, call.request.id, press.now())


def demo_generation() -> float:
    """Processor seconds of one 20-step picture of the demo's generator at 512 px."""
    from intaglio.demo.generator import PROMPTS, SETTINGS, load

    pipeline: Any = load()
    return seconds(lambda: pipeline(PROMPTS[0], **SETTINGS), 3)


def large_generation(side: int) -> float | None:
    """Processor seconds of 20 guided steps of a UNet of Stable Diffusion 1.5's size, from one step."""
    if psutil.virtual_memory().available < 8 * 2**30:
        return None
    import torch
    from diffusers import UNet2DConditionModel

    unet: Any = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8).eval()
    latent, text = torch.zeros(1, 4, side // 8, side // 8), torch.zeros(1, 77, 768)
    with torch.no_grad():
        unet(latent, 1, text)
        start = time.process_time()
        unet(latent, 1, text)
        return 2 * 20 * (time.process_time() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-large", action="store_true", help="do not time the UNet of Stable Diffusion's size")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        press = open_press(initialize(Path(folder) / "home", datetime.now(UTC)))
        press.ledger.publish(read_license(LICENSE.encode(), source="bench"))
        sides = (512, 1024)
        columns = {side: stage_times(press, side, arguments.rounds) for side in sides}
        tiny = demo_generation()
        large = {side: None if arguments.no_large else large_generation(side) for side in sides}
    _print(columns, tiny, large)


def _print(columns: dict[int, dict[str, float]], tiny: float, large: dict[int, float | None]) -> None:
    """Print milliseconds per stage, and their share of the demo's own 20-step generation."""
    print(f"{'processor ms per picture':<26}{'512 px':>10}{'share':>8}{'1024 px':>10}")
    totals = {side: sum(value for name, value in rows.items() if name[0] != "(") for side, rows in columns.items()}
    rows = [(name, {side: columns[side][name] for side in columns}) for name in columns[512]]
    for name, values in [*rows, ("all stages", totals)]:
        small, big = values[512], values[1024]
        print(f"{name:<26}{small * 1000:>10.1f}{small / tiny:>8.0%}{big * 1000:>10.1f}")
    print(f"\nshare: of 20 steps of the demo's tiny generator at 512 px, {tiny * 1000:.0f} ms")
    for side, value in large.items():
        if value is not None:
            peer = f"20 guided steps of a Stable Diffusion 1.5 UNet at {side} px on this processor"
            print(f"{peer}: {value:.0f} s; all stages add {totals[side] / value:.2%}")


if __name__ == "__main__":
    main()
