"""Copied into rtrl_bench/envs: three environments that run and one whose simulator is not there."""

from rtrl_bench.envs.registry import Availability, Backend, EnvSpec, register


def _present(spec):
    return Availability(True, "stub 1.0")


def _absent(spec):
    return Availability(False, reason="libgamma is not installed", fix="install libgamma")


for _name, _suite, _available in (
    ("alpha", "letters", _present),
    ("beta", "letters", _present),
    ("gamma", "symbols", _absent),
    ("delta", "pictures", _present),
):
    register(EnvSpec(_name, _suite, _name, (Backend("stub", _available, print),), frames_per_step=4))
