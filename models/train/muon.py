"""The optimiser: Muon for the pointwise convolutions, AdamW for the rest.

Muon (Jordan and others 2024) turns the momentum of a matrix into the nearest orthogonal matrix, so that all directions
of a layer learn at one pace. Scaled to the root mean square that a step of AdamW has (Liu and others 2025), so both
share one learning rate.
"""
import torch


def orthogonal(m, steps=5):
    """Newton-Schulz iteration of fifth order; singular values end between about 0.7 and 1.2."""
    a, b, c = 3.4445, -4.7750, 2.0315
    turned = m.shape[0] > m.shape[1]
    x = m.T if turned else m
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if turned else x


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p.grad)
                kept = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(kept, group["momentum"]).flatten(1)
                scale = 0.2 * max(ahead.shape) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(orthogonal(ahead).view_as(p), alpha=-group["lr"] * scale)
