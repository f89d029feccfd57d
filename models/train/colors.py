"""Luma and chroma as cameras send them: BT.709 in the limited range."""
import numpy as np

KR, KB = 0.2126, 0.0722
KG = 1 - KR - KB
BLACK, GREY = 16, 128  # luma and chroma of black
RGB_OF_YUV = np.array([[255 / 219, 0, 2 * (1 - KR) * 255 / 224],
                       [255 / 219, -2 * KB * (1 - KB) / KG * 255 / 224, -2 * KR * (1 - KR) / KG * 255 / 224],
                       [255 / 219, 2 * (1 - KB) * 255 / 224, 0]])
