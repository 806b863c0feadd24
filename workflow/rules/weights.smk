if PLAN.weights:

    # Fetched once for all experiments; also alone, before the rest runs without a network: `snakemake weights --config …`.
    # What is half fetched lies beside it, where Snakemake owns nothing, and goes on.
    rule weights:
        input:
            ancient(list(PLAN.weights.values())),
        output:
            list(PLAN.weights),
        log:
            f"results/{PLAN.experiment}/logs/weights.log",
        benchmark:
            f"results/{PLAN.experiment}/benchmarks/weights.tsv"
        conda:
            "../envs/sitt.yaml"
        threads: 1
        resources:
            mem_mb=1000,
        shell:
            'sitt weights --config {input:q} 2>&1 | tee {log:q} > "$SITT_CONSOLE"'
