rule configure:
    output:
        "results/{experiment}/runs/{method}/seed{seed}/config.yaml",
    log:
        "results/{experiment}/logs/{method}/seed{seed}/configure.log",
    benchmark:
        "results/{experiment}/benchmarks/{method}/seed{seed}/configure.tsv"
    # All configurations before the first training, so that the trainings can start in the order of their own priorities.
    priority: 5
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        # A run is stale when this differs; training then follows, because its configuration was written anew.
        # A new title or an extra seed of the experiment changes nothing here, and trains nothing anew.
        key=lambda wildcards: result_key(wildcards.experiment, wildcards.method, int(wildcards.seed)),
    # The training of a stale run starts anew, so its checkpoint goes, as its results do; `sitt train` alone would
    # refuse to go on from a checkpoint of another configuration.
    shell:
        "rm -rf results/{wildcards.experiment:q}/checkpoints/{wildcards.method:q}/seed{wildcards.seed:q} && "
        "sitt configure --experiment {wildcards.experiment:q} --method {wildcards.method:q} --seed {wildcards.seed:q} "
        "--output {output:q} > {log:q} 2>&1"


# Compiled once, for the simulator's device, so that jobs side by side do not compile the same kernels. What all jobs with a simulator wait for.
rule kernels:
    input:
        "results/{experiment}/probe.done" if PLAN.probed else [],
    output:
        touch("results/{experiment}/kernels.ready"),
    log:
        "results/{experiment}/logs/kernels.log",
    benchmark:
        "results/{experiment}/benchmarks/kernels.tsv"
    priority: 6
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=SIMULATOR.mem_mb,
        gpu=SIMULATOR.gpu,
    shell:
        'sitt kernels --experiment {wildcards.experiment:q} 2>&1 | tee {log:q} > "$SITT_CONSOLE"'
