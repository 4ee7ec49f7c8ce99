"""Each cell as its paper has it, in NumPy, step by step, in the paper's notation.

Every function takes the parameters of the recurrence, weight (K, N, D), bias (K, N) and w (K', N) or (K, N, N), those
of the readout by name, and the inputs X (T, D) of one episode. For each step it yields the state (s, N) and h.
"""

from __future__ import annotations

import math

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def elstm(weight, bias, w, readout, X):
    """Irie et al. 2024, equations 5-6, with the output gate over [x, c]."""
    (F, Z), (b_f, b_z), (w_f, w_z) = weight, bias, w
    W_o, b_o = readout["linear.weight"], readout["linear.bias"]
    c = np.zeros(len(F))
    for x in X:
        f = sigmoid(F @ x + w_f * c + b_f)
        z = np.tanh(Z @ x + w_z * c + b_z)
        c = f * c + (1 - f) * z
        o = sigmoid(W_o @ np.concatenate([x, c]) + b_o)
        yield [c], o * c


def qrnn(weight, bias, w, readout, X):
    """Bradbury et al. 2017, equations 1 and 4 (fo-pooling) for a convolution of width 1."""
    (W_f, W_z), (b_f, b_z) = weight, bias
    W_o, b_o = readout["linear.weight"], readout["linear.bias"]
    Z, F, gate = np.tanh(X @ W_z.T + b_z), sigmoid(X @ W_f.T + b_f), sigmoid(X @ W_o.T + b_o)
    c = np.zeros(len(W_f))
    for z, f, o in zip(Z, F, gate):
        c = f * c + (1 - f) * z
        yield [c], o * c


def sru(weight, bias, w, readout, X):
    """Lei et al. 2018, equations 1-4, but for r, which reads c_t; α is sqrt(1 + 2 exp(b)) for b = 0."""
    (W_f, W), (b_f, b), (v_f,) = weight, bias, w
    W_r, b_r, v_r = readout["gate.weight"], readout["gate.bias"], readout["v"]
    c = np.zeros(len(W))
    for x in X:
        f = sigmoid(W_f @ x + v_f * c + b_f)
        c = f * c + (1 - f) * (W @ x + b)
        r = sigmoid(W_r @ x + v_r * c + b_r)
        skip = readout["skip.weight"] @ x if "skip.weight" in readout else math.sqrt(1 + 2 * math.exp(0)) * x
        yield [c], r * c + (1 - r) * skip


def indrnn(weight, bias, w, readout, X):
    """Li et al. 2018, equation 2."""
    (W,), (b,), (u,) = weight, bias, w
    h = np.zeros(len(W))
    for x in X:
        h = np.maximum(0, W @ x + u * h + b)
        yield [h], h


def egru(weight, bias, w, readout, X):
    """Cho et al. 2014, equations 5-8, with diagonal matrices U."""
    (W_z, W_r, W), (b_z, b_r, b), (U_z, U_r, U) = weight, bias, (np.diag(row) for row in w)
    h = np.zeros(len(W))
    for x in X:
        r = sigmoid(W_r @ x + U_r @ h + b_r)
        z = sigmoid(W_z @ x + U_z @ h + b_z)
        h = z * h + (1 - z) * np.tanh(W @ x + U @ (r * h) + b)
        yield [h], h


def mingru(weight, bias, w, readout, X):
    """Feng et al. 2024, section 3.1."""
    (W_z, W_h), (b_z, b_h) = weight, bias
    h = np.zeros(len(W_z))
    for x in X:
        z = sigmoid(W_z @ x + b_z)
        h = (1 - z) * h + z * (W_h @ x + b_h)
        yield [h], h


def minlstm(weight, bias, w, readout, X):
    """Feng et al. 2024, section 3.2."""
    (W_f, W_i, W_h), (b_f, b_i, b_h) = weight, bias
    h = np.zeros(len(W_f))
    for x in X:
        f, i = sigmoid(W_f @ x + b_f), sigmoid(W_i @ x + b_i)
        h = f / (f + i) * h + i / (f + i) * (W_h @ x + b_h)
        yield [h], h


def lru(weight, bias, w, readout, U):
    """Orvieto et al. 2023, section 3 and the listing of appendix A, in complex numbers; then the block's GELU."""
    B, b = weight[0] + 1j * weight[1], bias[0] + 1j * bias[1]
    nu_log, theta_log, gamma_log = w
    Lambda = np.exp(-np.exp(nu_log) + 1j * np.exp(theta_log))
    N = len(B)
    C_re, C_im, D = np.split(readout["linear.weight"], [N, 2 * N], axis=1)
    C = C_re - 1j * C_im
    x = np.zeros(N, complex)
    for u in U:
        x = Lambda * x + np.exp(gamma_log) * (B @ u + b)
        y = (C @ x).real + D @ u
        yield [x.real, x.imag], np.array([v / 2 * (1 + math.erf(v / math.sqrt(2))) for v in y])


def rtu(weight, bias, w, readout, X, nonlinear=False):
    """Elelimy et al. 2024, section 4, as one complex number for c₁ and c₂."""
    W_1, W_2 = weight
    nu_log, theta_log = w
    r = np.exp(-np.exp(nu_log))
    h = np.zeros(len(W_1), complex)
    for x in X:
        h = r * np.exp(1j * np.exp(theta_log)) * h
        h += np.sqrt(1 - r**2) * ((W_1 @ x + bias[0]) + 1j * (W_2 @ x + bias[1]))
        if nonlinear:
            h = np.maximum(h.real, 0) + 1j * np.maximum(h.imag, 0)
        yield [h.real, h.imag], np.maximum(np.concatenate([h.real, h.imag]), 0)


def rtu_nonlinear(weight, bias, w, readout, X):
    return rtu(weight, bias, w, readout, X, nonlinear=True)


def selective(weight, bias, w, readout, X):
    """Gu & Dao 2023, algorithm 2 as `selective_scan_ref` of the authors' code, one state a channel."""
    (W_delta, W_v), (b_delta, b_v) = weight, bias
    A = -np.exp(w[0])
    W_C, D = np.split(readout["linear.weight"], 2)
    b_C, b_D = np.split(readout["linear.bias"], 2)
    h = np.zeros(len(A))
    for x in X:
        delta = np.log(1 + np.exp(W_delta @ x + b_delta))
        h = np.exp(delta * A) * h + delta * (W_v @ x + b_v)
        yield [h], (W_C @ x + b_C) * h + D @ x + b_D


def rnn(weight, bias, w, readout, X):
    """Elman 1990."""
    (W,), (b,), (U,) = weight, bias, w
    h = np.zeros(len(W))
    for x in X:
        h = np.tanh(W @ x + U @ h + b)
        yield [h], h


def leaky_rnn(weight, bias, w, readout, X):
    """Murray 2019, with the biases as weights on a constant input; 1 - 1/τ = σ(a)."""
    (W,), (b,), U, tau = weight, bias, w[0, :, :-1], 1 / (1 - sigmoid(w[0, :, -1]))
    h = np.zeros(len(W))
    for x in X:
        h = h + (np.tanh(W @ x + U @ h + b) - h) / tau
        yield [h], h


def gru(weight, bias, w, readout, X):
    """Cho et al. 2014, equations 5-8."""
    (W_r, W_z, W), (b_r, b_z, b), (U_r, U_z, U) = weight, bias, w
    h = np.zeros(len(W))
    for x in X:
        r = sigmoid(W_r @ x + U_r @ h + b_r)
        z = sigmoid(W_z @ x + U_z @ h + b_z)
        h = z * h + (1 - z) * np.tanh(W @ x + U @ (r * h) + b)
        yield [h], h


def lstm(weight, bias, w, readout, X):
    """Gers et al. 2000, without peepholes."""
    h, c = np.zeros((2, weight.shape[1]))
    for x in X:
        i, f, g, o = (W @ x + U @ h + b for W, U, b in zip(weight, w, bias))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield [h, c], h


PAPERS = {
    "elstm": elstm,
    "qrnn": qrnn,
    "sru": sru,
    "indrnn": indrnn,
    "egru": egru,
    "mingru": mingru,
    "minlstm": minlstm,
    "lru": lru,
    "rtu": rtu,
    "rtu_nonlinear": rtu_nonlinear,
    "selective": selective,
    "rnn": rnn,
    "leaky_rnn": leaky_rnn,
    "gru": gru,
    "lstm": lstm,
}
