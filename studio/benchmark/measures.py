"""What a benchmark measures: every measure with its unit, its direction and its definition. Computes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", ""]


@dataclass(frozen=True)
class Measure:
    """better: which way is good, "" when neither is. grain: a difference smaller than this is none, whatever its share
    of the value. digits: how many to show after the point. by_ear: judged by models that listen, after all was spoken.
    """

    name: str
    title: str
    unit: str
    better: Better
    definition: str
    grain: float = 0.0
    digits: int = 3
    by_ear: bool = False


MEASURES = (
    Measure(
        "rtf",
        "RTF",
        "",
        "lower",
        "Seconds of work of the engine per second of its sound; below 1 is faster than "
        "real time. Loading, waiting and joining are not counted.",
        0.002,
    ),
    Measure(
        "first_sound_s",
        "Time to first sound",
        "s",
        "lower",
        "From asking a loaded engine for the first passage to its first piece of sound.",
        0.01,
    ),
    Measure("seconds", "Length", "s", "", "The finished sound, pauses included.", 0.0, 2),
    Measure("work_s", "Work", "s", "lower", "Work of the engine for all passages.", 0.02),
    Measure(
        "process_gb",
        "Memory of the process",
        "GB",
        "lower",
        "Most host memory (RSS) of the whole process "
        "while this was spoken, with every engine that is loaded in it (10^9 bytes).",
        0.02,
        2,
    ),
    Measure(
        "process_rise_gb",
        "Memory above the beginning",
        "GB",
        "",
        "How far that most is above what the process had just before this was spoken; a model that was loaded then "
        "is not in it.",
        0.02,
        2,
    ),
    Measure(
        "gpu_allocated_gb",
        "GPU memory",
        "GB",
        "lower",
        "Most memory that PyTorch had allocated on the card while this was spoken.",
        0.02,
        2,
    ),
    Measure(
        "gpu_reserved_gb",
        "GPU memory, reserved",
        "GB",
        "lower",
        "The same with what PyTorch's allocator kept in reserve: what the driver shows.",
        0.02,
        2,
    ),
    Measure(
        "energy_j",
        "Energy of the processor",
        "J",
        "lower",
        "By the counter of the processor's package (RAPL), with all else that ran.",
        1.0,
        1,
    ),
    Measure(
        "gpu_energy_j",
        "Energy of the card",
        "J",
        "lower",
        "By the counter of the card's driver (NVML), with all else that ran on it.",
        1.0,
        1,
    ),
    Measure(
        "others_cores",
        "Other programs",
        "cores",
        "",
        "Processor time taken by others than this process per second "
        "while this was spoken; more than a quarter of a core makes times doubtful.",
        0.0,
        2,
    ),
    Measure(
        "loudness_lufs", "Loudness", "LUFS", "", "Of the sound as the engine made it (ITU-R BS.1770-4, gated).", 0.5, 1
    ),
    Measure(
        "clipped_share",
        "Clipped",
        "",
        "lower",
        "Share of samples on flat tops, of the sound as the engine made it; clean speech has less than 0.0001.",
        1e-4,
        5,
    ),
    Measure(
        "longest_silence_s",
        "Longest silence",
        "s",
        "",
        "Between two words, in the finished sound.",
        0.1,
        2,
        by_ear=True,
    ),
    Measure(
        "gap_s",
        "Gap between turns",
        "s",
        "",
        "Median silence between turns. Where an engine speaks one turn at a time the studio sets it.",
        0.05,
        2,
        by_ear=True,
    ),
    Measure("gap_most_s", "Longest gap", "s", "", "The longest silence between two turns.", 0.05, 2, by_ear=True),
    Measure(
        "words_per_s",
        "Speech rate",
        "words/s",
        "",
        "Words of the script per second in which somebody speaks; 2.5 to 3.5 is usual.",
        0.1,
        2,
        by_ear=True,
    ),
    Measure(
        "runaway_share",
        "Runaways",
        "",
        "lower",
        "Passages that lasted more than three times as long as their text, and 2 s more.",
        0.01,
        2,
    ),
    Measure(
        "hasty_share",
        "Too short",
        "",
        "lower",
        "Passages that lasted less than a third of what their text takes, by more than 2 s.",
        0.01,
        2,
    ),
    Measure(
        "wer",
        "Word errors",
        "",
        "lower",
        "Word error rate of the whole script as a recogniser hears it; its own errors are in it (about 1 to 3 %).",
        0.02,
        3,
        True,
    ),
    Measure("wer_worst", "Worst turn", "", "lower", "The highest word error rate of a turn.", 0.05, 3, True),
    Measure("cer", "Character errors", "", "lower", "Character error rate of the whole script.", 0.01, 3, True),
    Measure(
        "cut_share", "Turns cut off", "", "lower", "Turns of which none of the last two words was heard.", 0.01, 2, True
    ),
    Measure(
        "cues_aloud_share",
        "Cues read aloud",
        "",
        "lower",
        "Cues such as (laughs) of which the word was heard, of all in the script.",
        0.01,
        2,
        True,
    ),
    Measure(
        "cues_realised_share",
        "Cues performed",
        "",
        "higher",
        "Cues whose word was not read aloud and where there is sound for 0.2 s or more between the words before and "
        "after. What sound it is nobody here knows: it tells who makes one and who leaves it out.",
        0.01,
        2,
        True,
    ),
    Measure(
        "similarity",
        "Similarity to the voice",
        "",
        "higher",
        "Mean cosine between a turn and the recorded voice it "
        "was to follow; 0.765 and more is probably the same person.",
        0.03,
        3,
        True,
    ),
    Measure("similarity_worst", "Least similar turn", "", "higher", "The lowest cosine of a turn.", 0.05, 3, True),
    Measure(
        "swap_share",
        "Turns in another's voice",
        "",
        "lower",
        "Turns that sound more like another speaker of the script than like their own.",
        0.01,
        2,
        True,
    ),
    Measure(
        "drift",
        "Drift of the voice",
        "",
        "lower",
        "How much less like a speaker's first turn the last one sounds than the second, by the line through all; a "
        "steady voice has 0, give or take 0.04.",
        0.03,
        3,
        True,
    ),
    Measure(
        "mos",
        "DNSMOS",
        "",
        "higher",
        "Estimated rating of the finished sound, 1 to 5 (P.835 overall). It hears noise, not how natural a reading is.",
        0.1,
        2,
        True,
    ),
    Measure(
        "mos_p808", "DNSMOS P.808", "", "higher", "Another estimate of the same, by another network.", 0.1, 2, True
    ),
    Measure(
        "distillmos",
        "DistillMOS",
        "",
        "higher",
        "Estimated rating of the finished sound, 1 to 5, learned from a model of the class of UTMOS. It hears clipping "
        "and a dull sound, too; neither estimate says how natural a reading is.",
        0.1,
        2,
        True,
    ),
    Measure(
        "tokens_per_s",
        "Frames per second of work",
        "1/s",
        "higher",
        "Frames of the codec, each one step of the model: seconds of sound times the codec's frame rate, by seconds of "
        "work. Others call them tokens. An engine that makes its sound at once has none.",
        0.5,
        1,
    ),
)
BY_NAME = {measure.name: measure for measure in MEASURES}

# Of an engine alone in a process of its own, once a benchmark.
ALONE = (
    Measure(
        "load_cold_s",
        "Load, first",
        "s",
        "lower",
        "From nothing to ready in a fresh process, its libraries included; files may be in the system's cache.",
        0.2,
        2,
    ),
    Measure("load_warm_s", "Load, again", "s", "lower", "Unloaded and loaded a second time in that process.", 0.1, 2),
    Measure(
        "host_gb",
        "Memory alone",
        "GB",
        "lower",
        "Most host memory (RSS) of a fresh process that loads the engine and speaks the longest script.",
        0.02,
        2,
    ),
    Measure("alone_gpu_allocated_gb", "GPU memory alone", "GB", "lower", "The same on the card, allocated.", 0.02, 2),
    Measure("alone_gpu_reserved_gb", "GPU memory alone, reserved", "GB", "lower", "The same, reserved.", 0.02, 2),
)
ALL = {measure.name: measure for measure in (*MEASURES, *ALONE)}


def shown(measure: Measure, value: float) -> str:
    """A value as people read it."""
    if (
        measure.name.endswith("_share")
        and measure.name != "clipped_share"
        or measure.name in ("wer", "cer", "wer_worst")
    ):
        return f"{100 * value:.1f} %"
    return f"{value:.{measure.digits}f}{' ' + measure.unit if measure.unit else ''}"
