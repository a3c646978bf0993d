"""Tables for drawing faces: action units, the expressions that consist of them, and the ranges of how people look.

Sources: Ekman & Friesen 1978, Facial Action Coding System; Friesen & Ekman 1983, EMFACS.
"""

from collections.abc import Mapping, Sequence

UNITS = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU15": "lip corner depressor",
    "AU16": "lower lip depressor",
    "AU17": "chin raiser",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
}
"""The action units that are drawn, with their FACS names."""

PROTOTYPES: Mapping[str, Sequence[Mapping[str, float]]] = {
    "angry": (
        {"AU4": 1, "AU5": 0.7, "AU7": 0.6, "AU23": 1},
        {"AU4": 1, "AU7": 1, "AU24": 1},
        {"AU4": 1, "AU7": 0.8, "AU10": 0.6, "AU16": 1, "AU25": 0.8},
    ),
    "disgust": (
        {"AU9": 1, "AU10": 0.8, "AU15": 0.7, "AU7": 0.4},
        {"AU9": 1, "AU10": 1, "AU25": 0.6, "AU4": 0.4},
        {"AU9": 0.8, "AU10": 1, "AU15": 0.8, "AU17": 0.8, "AU7": 0.4},
    ),
    "fear": (
        {"AU1": 1, "AU2": 0.6, "AU4": 0.7, "AU5": 1, "AU20": 1, "AU25": 0.7},
        {"AU1": 1, "AU2": 0.5, "AU4": 0.8, "AU5": 1, "AU20": 1},
        {"AU1": 1, "AU2": 0.7, "AU4": 0.6, "AU5": 1, "AU20": 0.8, "AU25": 0.5, "AU26": 0.4},
    ),
    "happy": (
        {"AU6": 0.9, "AU12": 1},
        {"AU6": 1, "AU12": 1, "AU25": 0.9},
        {"AU6": 1, "AU12": 1, "AU25": 1, "AU26": 0.3},
    ),
    "sad": (
        {"AU1": 1, "AU4": 0.6, "AU15": 1},
        {"AU1": 0.8, "AU4": 0.7, "AU15": 1, "AU17": 0.7},
        {"AU1": 1, "AU4": 0.4, "AU15": 0.8, "AU7": 0.3},
    ),
    "surprise": (
        {"AU1": 1, "AU2": 1, "AU5": 0.9, "AU26": 1, "AU25": 0.4},
        {"AU1": 1, "AU2": 1, "AU5": 0.8, "AU26": 0.7},
        {"AU1": 0.8, "AU2": 1, "AU5": 1, "AU26": 0.5, "AU25": 0.3},
    ),
    "neutral": ({},),
}
"""The variants of each class: action units, and their strength at full intensity."""

LOOKS: Mapping[str, tuple[float, float]] = {
    "skin": (95, 205),
    "hair": (18, 120),
    "lips": (0.6, 0.85),
    "iris": (35, 110),
    "clothes": (20, 210),
    "head_width": (14.5, 17),
    "head_height": (19.2, 21),
    "taper": (0.1, 0.3),
    "hairline": (-17, -12.5),
    "temples": (3, 12),
    "fringe": (0, 2.5),
    "parting": (-5, 5),
    "strands": (0.2, 0.7),
    "long_hair": (0, 1),
    "bald": (0, 1),
    "beard": (0, 1),
    "wrinkles": (0.45, 1),
    "asymmetry": (-0.3, 0.3),
    "brow_y": (-9.6, -8.4),
    "brow_x": (6.6, 7.4),
    "brow_width": (4, 5),
    "brow_arch": (0.3, 1.5),
    "brow_slant": (-0.35, 0.3),
    "brow_thick": (0.55, 1.2),
    "brow_dark": (0.65, 1),
    "eye_y": (-4.4, -3.6),
    "eye_x": (6.4, 7.4),
    "eye_width": (3.4, 4.2),
    "eye_open": (1.5, 2.1),
    "eye_slant": (-0.4, 0.4),
    "sockets": (0.15, 0.5),
    "gaze_x": (-1.2, 1.2),
    "gaze_y": (-0.3, 0.5),
    "nose_width": (2.1, 3.2),
    "mouth_y": (10.4, 11.8),
    "mouth_width": (5.2, 6.4),
    "mouth_curve": (-0.3, 0.7),
    "upper_lip": (0.8, 1.6),
    "lower_lip": (1.1, 2),
    "teeth": (0.7, 1),
    "roll": (-0.2, 0.2),
    "yaw": (-0.6, 0.6),
    "pitch": (-0.7, 0.7),
    "scale": (1.06, 1.26),
    "shift_x": (-2, 2),
    "shift_y": (-2, 2),
    "light_x": (-0.5, 0.5),
    "light_y": (-0.3, 0.15),
    "contrast": (0.85, 1.4),
    "brightness": (-25, 25),
    "blur": (0, 0.2),
    "noise": (1, 6),
    "background": (20, 220),
    "background_x": (-1.5, 1.5),
    "background_y": (-1.5, 1.5),
    "glasses": (0, 1),
    "occluder": (0, 1),
    "occluder_at": (-1, 1),
    "occluder_tone": (20, 220),
}
"""Ranges of what makes a person and a photograph; values are drawn uniformly.  They are grey levels, lengths and
positions (as in `mien.synthetic.drawing`), random numbers that decide whether something is there (`bald`, `glasses`,
`occluder` …), tangents (`roll`), or shares of a maximum."""
