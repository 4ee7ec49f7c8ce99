"""The engine's two clocks, and so how long a frame is for the player: 17 or 14 ms, 16 on average.

DeepMind Lab advances 16 ms a frame (`fixedtime`). Its server moves on in frames of 50 ms (`sv_fps` 20). The client,
which times the player's commands, follows the server: after each frame its clock is set 2 ms back if it had come
within 5 ms of the server's time, and 1 ms forward if not. With the state after a map's load as fitted to recordings,
replays stay exact for whole episodes. Source: DeepMind Lab at commit b1db91a, in engine/code client/cl_cgame.c
(CL_SetCGameTime, CL_AdjustTimeDelta), server/sv_main.c (SV_Frame) and deepmind/dmlab_connect.c.
"""

from __future__ import annotations

from rtrl_bench.rooms.compiled import compiled

FRAME_MS, SERVER_FRAME_MS = 16, 50
NEAR_MS, BACK_MS, FORWARD_MS = 5, 2, 1
# Before the first frame after a map's load; fitted.
RESIDUAL_MS, LAG_MS = 30, -3


@compiled
def start(slot, residual_ms):
    """A map has been loaded, so many ms after the server's last frame."""
    slot.server_ms, slot.residual_ms, slot.lag_ms = 0, residual_ms, LAG_MS


@compiled
def tick(slot):
    """Move the clocks on by a frame; returns what it lasts for the player, in ms."""
    near = slot.lag_ms >= -NEAR_MS
    duration = FRAME_MS + (-BACK_MS if near else FORWARD_MS)
    slot.residual_ms += FRAME_MS
    slot.lag_ms += duration
    if slot.residual_ms >= SERVER_FRAME_MS:
        slot.residual_ms -= SERVER_FRAME_MS
        slot.lag_ms -= SERVER_FRAME_MS
        slot.server_ms += SERVER_FRAME_MS
    return duration


@compiled
def server_moved(slot):
    """Whether the last frame was one of the server's."""
    return slot.residual_ms < FRAME_MS
