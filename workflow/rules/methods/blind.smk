use rule train from training as train_blind with:
    input:
        config="results/{experiment}/runs/{method}/seed{seed}/config.yaml",
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, wildcards.method, int(wildcards.seed))),
        teacher="results/{experiment}/recordings/joint/seed{seed}.pt",
    wildcard_constraints:
        method="blind",
    priority: 2
