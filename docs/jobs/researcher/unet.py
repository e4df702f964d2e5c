import torch
from torch import nn


def block(width_in, width):
    layers = []
    for channels in (width_in, width):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, width=16, depth=4, classes=19):
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        inputs = [3, *widths[: depth - 1]]
        self.down = nn.ModuleList(block(inputs[level], widths[level]) for level in range(depth))
        self.bottom = block(widths[-2], widths[-1])
        upwards = reversed(range(depth))
        self.up = nn.ModuleList(block(widths[level + 1] + widths[level], widths[level]) for level in upwards)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image):
        skips, x = [], image
        for part in self.down:
            x = part(x)
            skips.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.bottom(x)
        for part in self.up:
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = part(torch.cat([x, skips.pop()], dim=1))
        return self.head(x)
