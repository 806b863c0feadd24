use rule train from training as train_dagger with:
    input:
        config="results/{experiment}/runs/{method}/seed{seed}/config.yaml",
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, wildcards.method, int(wildcards.seed))),
        teacher="results/{experiment}/runs/joint/seed{seed}/policy.pt",
    wildcard_constraints:
        method="dagger",
    priority: 2
