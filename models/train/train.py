#!/usr/bin/env python3
"""Train the detector on a CPU for a given time.

    train.py DATA RUN --minutes 70                    a fresh run; continues by itself if RUN holds a checkpoint
    train.py DATA RUN2 --minutes 40 --start RUN/last.pt --lr 8e-4 --crop 576x352

The learning rate follows the clock, not a count of epochs, so a run ends in time however busy the machine is.
RUN/last.pt is written after every epoch: weights, their moving average (which is what gets exported), optimiser, time.

Several processes of one thread each share a batch and average their gradients once a step. On a machine that has other
work this is faster than one process with several threads, which wait for each other in every layer.
"""
import argparse
import math
import os
import tempfile
import time
from pathlib import Path

# Threads that spin while they wait make every step ten times slower on a machine that has other work.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402

from data import Stream, load, to_input  # noqa: E402
from losses import loss  # noqa: E402
from muon import Muon  # noqa: E402
from network import DEFAULT, MaskCount, fold, restore  # noqa: E402


def rate(progress, peak, warm=0.03):
    if progress < warm:
        return peak * (0.02 + 0.98 * progress / warm)
    turn = (progress - warm) / (1 - warm)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * min(turn, 1))) / 2)


@torch.no_grad()
def follow(average, net, step):
    keep = min(0.9985, (1 + step) / (20 + step))
    state = net.state_dict()
    for name, value in average.items():
        if value.is_floating_point():
            value.lerp_(state[name].float(), 1 - keep)
        else:
            value.copy_(state[name])


@torch.no_grad()
def share(net, progress):
    """Averages the gradients over the processes, and the clock with them, so that all agree on rate and end."""
    gradients = [p.grad for p in net.parameters() if p.requires_grad]
    flat = torch.cat([g.reshape(-1) for g in gradients] + [torch.tensor([progress])])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for g in gradients:
        g.copy_(flat[start:start + g.numel()].view_as(g))
        start += g.numel()
    return float(flat[-1])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("data")
    ap.add_argument("run", type=Path)
    ap.add_argument("--minutes", type=float, default=70)
    ap.add_argument("--crop", default="416x256", help="WxH of the pictures, multiples of 32")
    ap.add_argument("--batch", type=int, default=32, help="pictures a step, over all processes")
    ap.add_argument("--lr", type=float, default=2.5e-3)
    ap.add_argument("--decay", type=float, default=0.02)
    ap.add_argument("--epoch", type=int, default=170, help="batches between checkpoints")
    ap.add_argument("--gentle", type=float, default=0.12, help="share of the time at the end without mosaics")
    ap.add_argument("--start", type=Path, help="begin with the averaged weights of this checkpoint")
    ap.add_argument("--late", action="store_true",
                    help="melt BatchNorm into the convolutions: a step costs less")
    ap.add_argument("--mistakes", type=Path, help="what mine.py wrote: draw these more often")
    ap.add_argument("--processes", type=int, default=2)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    a.run.mkdir(parents=True, exist_ok=True)
    photos = load(a.data, "train", a.mistakes)
    with tempfile.TemporaryDirectory() as meeting:
        # forked, so that the photos are in memory once
        torch.multiprocessing.start_processes(run, (a, photos, f"file://{meeting}/point"), a.processes,
                                              start_method="fork")


def run(rank, a, photos, meeting):
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=a.processes)
    last = a.run / "last.pt"
    saved = torch.load(last, weights_only=False) if last.exists() else None
    if saved:
        net = restore(saved, "net")
    elif a.start:
        net = restore(torch.load(a.start, weights_only=False), "average")
    else:
        net = MaskCount(**DEFAULT)
    if a.late and not net.folded:
        fold(net)
    net = net.train().to(memory_format=torch.channels_last)
    learning = [p for p in net.parameters() if p.requires_grad]
    pointwise = [p for p in learning if p.ndim == 4 and p.shape[2] == 1]
    kernels = [p for p in learning if p.ndim == 4 and p.shape[2] > 1]
    others = [p for p in learning if p.ndim < 4]
    optimisers = [Muon(pointwise, a.lr, weight_decay=a.decay),
                  torch.optim.AdamW([{"params": kernels, "weight_decay": a.decay},
                                     {"params": others, "weight_decay": 0.0}], lr=a.lr)]
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    epoch = step = 0
    spent = 0.0
    if saved:
        for optimiser, state in zip(optimisers, saved["optimisers"]):
            optimiser.load_state_dict(state)
        average, epoch, step, spent = saved["average"], saved["epoch"], saved["step"], saved["spent"]
    # Without instructions for it, bf16 is slower than fp32.
    has_bf16 = torch.cpu.get_capabilities().get("avx512_bf16", False)
    dist.barrier()
    began = time.monotonic() - spent
    if rank == 0:
        print(f"{len(photos)} photos, {sum(p.numel() for p in net.parameters())} parameters, "
              f"{spent / 60:.1f} minutes done", flush=True)

    progress, size = spent / 60 / a.minutes, tuple(map(int, a.crop.split("x")))
    while progress < 1:
        gentle = progress > 1 - a.gentle
        stream = Stream(photos, a.batch // a.processes, size, (a.seed, epoch, rank), a.epoch, gentle)
        loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4)
        sums, pictures = {}, 0
        for batch in loader:
            with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16):
                outputs = net(to_input(batch["pixels"]))
            total, parts = loss(outputs, batch)
            net.zero_grad(set_to_none=True)
            total.backward()
            progress = share(net, (time.monotonic() - began) / 60 / a.minutes)
            if progress >= 1:
                break
            for group in (g for o in optimisers for g in o.param_groups):
                group["lr"] = rate(progress, a.lr)
            norm = torch.nn.utils.clip_grad_norm_(learning, 5.0)
            if not torch.isfinite(norm):
                print("a step was skipped: the gradient is not finite", flush=True)
                continue
            for optimiser in optimisers:
                optimiser.step()
            step += 1
            follow(average, net, step)
            pictures += len(batch["pixels"])
            for k, v in parts.items():
                sums[k] = sums.get(k, 0.0) + v * len(batch["pixels"])
        epoch += 1
        if rank == 0:
            spent_now = time.monotonic() - began
            saved = {"config": net.config, "folded": net.folded, "net": net.state_dict(), "average": average,
                     "optimisers": [o.state_dict() for o in optimisers], "epoch": epoch, "step": step, "spent": spent_now,
                     "arguments": vars(a)}
            torch.save(saved, last.with_suffix(".part"))
            last.with_suffix(".part").replace(last)
            text = "  ".join(f"{k} {v / max(pictures, 1):.3f}" for k, v in sums.items())
            print(f"epoch {epoch:3d}  step {step:5d}  {spent_now / 60:5.1f} min  {text}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
