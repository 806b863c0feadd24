from sitt.runs.shards import EPISODE_TYPES


rule evaluate:
    input:
        config="results/{experiment}/runs/{method}/seed{seed}/config.yaml",
        policy="results/{experiment}/runs/{method}/seed{seed}/policy.pt",
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, wildcards.method, int(wildcards.seed))),
    output:
        "results/{experiment}/runs/{method}/seed{seed}/episodes.parquet",
    log:
        "results/{experiment}/logs/{method}/seed{seed}/evaluate.log",
    benchmark:
        "results/{experiment}/benchmarks/{method}/seed{seed}/evaluate.tsv"
    # After all trainings, which are longer, and before films and Figure 2, which fill the core that is left at the end.
    priority: 1
    conda:
        "../envs/sitt.yaml"
    container:
        SIMULATOR.image
    threads: lambda wildcards: run_threads(wildcards.experiment, wildcards.method, int(wildcards.seed))
    resources:
        mem_mb=SIMULATOR.mem_mb,
        gpu=SIMULATOR.gpu,
    params:
        columns=list(EPISODE_TYPES),
    shell:
        f"{SIMULATOR.command} "
        "evaluate --config {input.config:q} --policy {input.policy:q} --output {output:q} "
        '2>&1 | tee {log:q} > "$SITT_CONSOLE"'
