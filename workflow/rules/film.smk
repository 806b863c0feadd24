# Pictures of the first seed's runs, played again from the first start states of the evaluation: a rule, not a choice.
FILMED = f"results/{{experiment}}/runs/{{method}}/seed{PLAN.seeds[0]}"
ROWS = expand(
    FILMED,
    experiment=PLAN.experiment,
    method=[method for method in ("joint", "joint_aligned") if method in PLAN.methods],
)


rule figure2:
    input:
        expand("{folder}/{file}", folder=ROWS, file=["config.yaml", "policy.pt"]),
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, "joint", PLAN.seeds[0])),
    output:
        multiext("reports/{experiment}/figure2", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/figure2.log",
    benchmark:
        "results/{experiment}/benchmarks/figure2.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        folders=ROWS,
    shell:
        "sitt figure2 --output reports/{wildcards.experiment:q} {params.folders:q} > {log:q} 2>&1"


rule video:
    input:
        config=f"{FILMED}/config.yaml",
        policy=f"{FILMED}/policy.pt",
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, wildcards.method, PLAN.seeds[0])),
    output:
        "reports/{experiment}/videos/{method}.gif",
    log:
        "results/{experiment}/logs/{method}/video.log",
    benchmark:
        "results/{experiment}/benchmarks/{method}/video.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    shell:
        "sitt video --config {input.config:q} --policy {input.policy:q} --output {output:q} > {log:q} 2>&1"
