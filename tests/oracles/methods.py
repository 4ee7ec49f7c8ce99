"""Gradient methods, alone and stacked, as options of `RecurrentStack`."""

FUSED = {  # those whose segments fused kernels can run
    "tbptt": {"gradient": "tbptt"},
    "tbptt, window": {"gradient": "tbptt", "gradient_options": {"window": 9}},
    "rtrl": {},
    "rtrl_stepwise": {"gradient": "rtrl_stepwise"},
    "rtrl, two layers": {"layers": 2},
    "rtrl_segment": {"gradient": "rtrl_segment", "layers": 2},
    "rtrl_layerwise": {"gradient": "rtrl_layerwise", "layers": 2},
    "columnar": {"gradient": "columnar", "layers": 2},
}
METHODS = FUSED | {
    "tbptt, lstm": {"gradient": "tbptt", "cell": "lstm"},
    "immediate": {"gradient": "immediate", "cell": "lstm", "layers": 2},
    "rtrl_dense": {"gradient": "rtrl_dense", "cell": "lstm"},
    "uoro": {"gradient": "uoro", "cell": "lstm", "layers": 2},
    "kf_rtrl": {"gradient": "kf_rtrl", "cell": "lstm", "layers": 2},
    "random_paths": {"gradient": "random_paths", "gradient_options": {"paths": 2}, "cell": "lstm", "layers": 2},
    "eprop": {"gradient": "eprop", "cell": "lstm", "layers": 2},
    "rflo": {"gradient": "rflo", "cell": "leaky_rnn", "layers": 2},
    "snap": {"gradient": "snap", "cell": "lstm", "layers": 2},
}
