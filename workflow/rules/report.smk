rule table1:
    input:
        "results/{experiment}/metrics.duckdb",
    output:
        multiext("reports/{experiment}/table1", ".md", ".tex", ".csv"),
    log:
        "results/{experiment}/logs/table1.log",
    benchmark:
        "results/{experiment}/benchmarks/table1.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report table1 --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


rule figure3:
    input:
        "results/{experiment}/metrics.duckdb",
    output:
        multiext("reports/{experiment}/figure3", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/figure3.log",
    benchmark:
        "results/{experiment}/benchmarks/figure3.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report figure3 --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


# Which experiment gets which of these: Plan.artefacts.
rule routes:
    input:
        "results/{experiment}/metrics.duckdb",
    output:
        multiext("reports/{experiment}/routes", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/routes.log",
    benchmark:
        "results/{experiment}/benchmarks/routes.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report routes --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


rule sweep:
    input:
        "results/{experiment}/metrics.duckdb",
    output:
        multiext("reports/{experiment}/sweep", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/sweep.log",
    benchmark:
        "results/{experiment}/benchmarks/sweep.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report sweep --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


rule html:
    input:
        expand("reports/{{experiment}}/{picture}", picture=PLAN.pictures()),
        database="results/{experiment}/metrics.duckdb",
    output:
        "reports/{experiment}/report.html",
    log:
        "results/{experiment}/logs/html.log",
    benchmark:
        "results/{experiment}/benchmarks/html.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report html --database {input.database:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"
