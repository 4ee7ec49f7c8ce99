"""The columns of a study's files (units: results/README.md). Importing this imports nothing."""

SIZES = "layers hidden inputs batch unroll episode".split()
COSTS = (
    "sweep axis method cell layers hidden inputs batch unroll episode "
    "predicted_state_bytes predicted_peak_bytes predicted_flops_per_step "
    "counted_flops_per_step counted_bytes_per_step counted_peak_bytes "
    "measured_step_s measured_step_s_low measured_step_s_high repeats measured_peak_bytes implementation device note"
).split()
THEORY = "sweep method cell axis quantity exponent leading_term".split()
LIMITS = "method cell layers inputs batch memory_gb largest_hidden bytes_per_slot".split()
CROSSOVERS = "kind cell layers hidden inputs batch value basis text".split()
