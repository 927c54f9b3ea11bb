// From an experiment file to predictions for every FASTA file of a folder.
//
//     nextflow run examples/main.nf --experiment project/experiment.yaml --shards 'project/shards/*.fasta'
//
// The folder of the experiment file holds the files that it names.

params.experiment = 'experiment.yaml'
params.shards = 'shards/*.fasta'
params.out = 'results'

process FIT {
    publishDir params.out, mode: 'copy'
    cpus 4

    input:
    path project
    val experiment

    output:
    path 'run'

    script:
    """
    cistron fit ${project}/${experiment} --out run --quiet
    """
}

process CROSSVAL {
    publishDir params.out, mode: 'copy'
    cpus 4

    input:
    path project
    val experiment

    output:
    path 'folds'

    script:
    """
    cistron crossval ${project}/${experiment} --out folds --workers ${task.cpus} --quiet
    """
}

process PREDICT {
    publishDir "${params.out}/predictions", mode: 'copy'
    cpus 1

    input:
    path run
    path shard

    output:
    path "${shard.baseName}.tsv"

    script:
    """
    cistron predict ${run} ${shard} --out ${shard.baseName}.tsv --quiet
    """
}

workflow {
    experiment = file(params.experiment, checkIfExists: true)
    run = FIT(experiment.parent, experiment.name)
    CROSSVAL(experiment.parent, experiment.name)
    PREDICT(run, channel.fromPath(params.shards, checkIfExists: true))
}
