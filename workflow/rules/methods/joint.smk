use rule train from training as train_joint with:
    output:
        policy="results/{experiment}/runs/{method}/seed{seed}/policy.pt",
        training="results/{experiment}/runs/{method}/seed{seed}/training.parquet",
        provenance="results/{experiment}/runs/{method}/seed{seed}/run.json",
        # Its states and teachers, for students that never influence them.
        record="results/{experiment}/recordings/{method}/seed{seed}.pt",
    wildcard_constraints:
        method="joint",
    # First of all: the imitators wait for it.
    priority: 4
