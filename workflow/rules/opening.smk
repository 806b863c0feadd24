# The iterations before λ is in force, once per seed: all joint trainings that differ in λ alone begin with them.
use rule configure as configure_opening with:
    output:
        "results/{experiment}/{method}/seed{seed}/config.yaml",
    wildcard_constraints:
        method="opening",


use rule train from training as opening with:
    input:
        config="results/{experiment}/{method}/seed{seed}/config.yaml",
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, wildcards.method, int(wildcards.seed))),
    output:
        policy="results/{experiment}/{method}/seed{seed}/opening.pt",
    wildcard_constraints:
        method="opening",
    # First of all: joint waits for it, and the imitators for joint.
    priority: 4
