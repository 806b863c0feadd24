-- The tables of metrics.duckdb. `sitt.store` reads from them which columns and types a run's Parquet files must have,
-- and lets the constraints find duplicate, empty and impossible values. Units are SI, in the column comments.

CREATE TABLE meta (
    schema_version INTEGER NOT NULL,
    experiment VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    smoke_test BOOLEAN NOT NULL
);
COMMENT ON TABLE meta IS 'What this database holds; one row.';
COMMENT ON COLUMN meta.schema_version IS 'Version of these tables and views; grows when one is new or changes its meaning.';
COMMENT ON COLUMN meta.experiment IS 'Name of the experiment, as in results/<experiment>.';
COMMENT ON COLUMN meta.title IS 'One line that describes the experiment.';
COMMENT ON COLUMN meta.smoke_test IS 'True: a test of the pipeline, whose numbers mean nothing.';

CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    experiment VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    label VARCHAR,
    seed BIGINT NOT NULL,
    simulator VARCHAR,
    encoder VARCHAR,
    status VARCHAR NOT NULL CHECK (status IN ('finished', 'missing')),
    started_at TIMESTAMP,
    wall_s DOUBLE CHECK (wall_s >= 0),
    env_steps BIGINT CHECK (env_steps >= 0),
    images_rendered BIGINT CHECK (images_rendered >= 0),
    gradient_steps BIGINT CHECK (gradient_steps >= 0),
    bad_simulations BIGINT CHECK (bad_simulations >= 0),
    attempts JSON CHECK (json_type(attempts) = 'ARRAY'),
    git_commit VARCHAR,
    git_dirty BOOLEAN,
    git_diff VARCHAR,
    config_hash VARCHAR,
    config JSON CHECK (json_type(config) = 'OBJECT'),
    hardware JSON CHECK (json_type(hardware) = 'OBJECT'),
    versions JSON CHECK (json_type(versions) = 'OBJECT')
);
COMMENT ON TABLE runs IS 'One row per expected run; what a missing run would have told is NULL.';
COMMENT ON COLUMN runs.run_id IS 'experiment/method/seed<seed>, as in the path of the run.';
COMMENT ON COLUMN runs.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN runs.method IS 'Name of the method, as in configs/method.';
COMMENT ON COLUMN runs.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN runs.seed IS 'Seed from which every random generator of the run is derived.';
COMMENT ON COLUMN runs.simulator IS 'Simulator that moved the bodies and drew the images.';
COMMENT ON COLUMN runs.encoder IS 'Image encoder of the student.';
COMMENT ON COLUMN runs.status IS 'finished, or missing when the run has not left all its files.';
COMMENT ON COLUMN runs.started_at IS 'Start of the training, UTC.';
COMMENT ON COLUMN runs.wall_s IS 'Wall time of the training, s.';
COMMENT ON COLUMN runs.env_steps IS 'Control steps simulated for training, over all environments, 1.';
COMMENT ON COLUMN runs.images_rendered IS 'Student observations made for training: images rendered, or views of the maze (evaluation not counted), 1.';
COMMENT ON COLUMN runs.gradient_steps IS 'Optimiser steps of the student, 1.';
COMMENT ON COLUMN runs.bad_simulations IS 'How often a simulation diverged in training and was put back to the default state (evaluation not counted), 1.';
COMMENT ON COLUMN runs.attempts IS 'The processes that trained the run, JSON, oldest first: started_at (UTC), wall_s (s), exit; NULL before it was recorded.';
COMMENT ON COLUMN runs.git_commit IS 'Commit of the code that trained; NULL outside a Git checkout.';
COMMENT ON COLUMN runs.git_dirty IS 'True: the code differed from that commit.';
COMMENT ON COLUMN runs.git_diff IS 'How tracked files differed from it, a patch; NULL if they did not, and before it was recorded.';
COMMENT ON COLUMN runs.config_hash IS 'Hash of the resolved configuration.';
COMMENT ON COLUMN runs.config IS 'The resolved configuration, JSON.';
COMMENT ON COLUMN runs.hardware IS 'The machine: cpu, cores, memory_gib (GiB), renderer, threads, JSON.';
COMMENT ON COLUMN runs.versions IS 'Versions of Python and of the libraries, JSON.';

CREATE TABLE training (
    run_id VARCHAR NOT NULL,
    iteration INTEGER NOT NULL CHECK (iteration >= 0),
    env_steps BIGINT NOT NULL CHECK (env_steps >= 0),
    wall_s DOUBLE NOT NULL CHECK (wall_s >= 0),
    policy VARCHAR NOT NULL CHECK (policy IN ('teacher', 'student')),
    return_mean DOUBLE NOT NULL CHECK (isfinite(return_mean)),
    success_rate DOUBLE NOT NULL CHECK (success_rate BETWEEN 0 AND 1),
    action_kl DOUBLE,
    episodes INTEGER NOT NULL CHECK (episodes > 0),
    images_rendered BIGINT,
    gradient_steps BIGINT,
    policy_loss DOUBLE,
    value_loss DOUBLE,
    alignment_loss DOUBLE,
    learning_rate DOUBLE,
    action_std DOUBLE,
    PRIMARY KEY (run_id, policy, iteration)
);
COMMENT ON TABLE training IS 'One row per run, policy and evaluation in the course of training.';
COMMENT ON COLUMN training.run_id IS 'The run, as in runs.';
COMMENT ON COLUMN training.iteration IS 'Training iterations done before this evaluation, 1.';
COMMENT ON COLUMN training.env_steps IS 'Control steps simulated for training so far, over all environments, 1.';
COMMENT ON COLUMN training.wall_s IS 'Wall time since the training began, s.';
COMMENT ON COLUMN training.policy IS 'Who acts in the evaluation: teacher or student.';
COMMENT ON COLUMN training.return_mean IS 'Mean undiscounted task reward of whole episodes, without any KL term, 1.';
COMMENT ON COLUMN training.success_rate IS 'Fraction of episodes in which the drawer was opened far enough at any time, or the target of the maze reached, 1.';
COMMENT ON COLUMN training.action_kl IS 'Mean KL(teacher || student) of the actions on states the student visits, nats; NULL where undefined.';
COMMENT ON COLUMN training.episodes IS 'Episodes of this evaluation, 1.';
COMMENT ON COLUMN training.images_rendered IS 'Student observations made for training so far, 1.';
COMMENT ON COLUMN training.gradient_steps IS 'Optimiser steps of the student so far, 1.';
COMMENT ON COLUMN training.policy_loss IS 'PPO policy loss of the latest iteration, 1; NULL without PPO.';
COMMENT ON COLUMN training.value_loss IS 'PPO value loss of the latest iteration, 1; NULL without PPO.';
COMMENT ON COLUMN training.alignment_loss IS 'Imitation loss of the student in the latest iteration, 1.';
COMMENT ON COLUMN training.learning_rate IS 'Learning rate after the latest iteration: of PPO, or of the student where a finished teacher is imitated, 1.';
COMMENT ON COLUMN training.action_std IS 'Mean standard deviation of the action distribution, 1 (actions are unit-free); NULL for discrete actions.';

CREATE TABLE episodes (
    run_id VARCHAR NOT NULL,
    policy VARCHAR NOT NULL CHECK (policy IN ('teacher', 'student')),
    episode INTEGER NOT NULL CHECK (episode >= 0),
    seed BIGINT NOT NULL,
    "return" DOUBLE NOT NULL CHECK (isfinite("return")),
    success BOOLEAN NOT NULL,
    length INTEGER NOT NULL CHECK (length > 0),
    max_opening_m DOUBLE,
    handle_visible DOUBLE CHECK (handle_visible BETWEEN 0 AND 1),
    handle_visible_at_contact DOUBLE CHECK (handle_visible_at_contact BETWEEN 0 AND 1),
    ending VARCHAR CHECK (ending IN ('target', 'lava', 'time-out')),
    route VARCHAR,
    PRIMARY KEY (run_id, policy, episode)
);
COMMENT ON TABLE episodes IS 'One row per episode of the final evaluation: likeliest actions, whole episodes, fixed start states.';
COMMENT ON COLUMN episodes.run_id IS 'The run, as in runs.';
COMMENT ON COLUMN episodes.policy IS 'Who acts: teacher or student.';
COMMENT ON COLUMN episodes.episode IS 'Number of the start state, 1.';
COMMENT ON COLUMN episodes.seed IS 'Seed of the start state.';
COMMENT ON COLUMN episodes."return" IS 'Undiscounted task reward of the episode, without any KL term, 1.';
COMMENT ON COLUMN episodes.success IS 'True: the drawer was opened far enough at any time of the episode; in the maze, the target was reached.';
COMMENT ON COLUMN episodes.length IS 'Control steps of the episode, 1.';
COMMENT ON COLUMN episodes.max_opening_m IS 'Largest opening of the drawer in the episode, m; NULL in the maze.';
COMMENT ON COLUMN episodes.handle_visible IS 'Pixels of the handle in the student''s camera over those without the robot in the way, mean over every evaluation.visibility_every-th step, 1; NULL if the handle is never in the image.';
COMMENT ON COLUMN episodes.handle_visible_at_contact IS 'The same at the first control step at which the robot touches the handle, 1; NULL if it never does.';
COMMENT ON COLUMN episodes.ending IS 'How an episode of the maze ended: target, lava or time-out; NULL for the drawer.';
COMMENT ON COLUMN episodes.route IS 'Moves of an episode of the maze: R, D, L and U, a dot for one against the border; NULL for the drawer.';

CREATE TABLE paper (
    artefact VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    mean DOUBLE NOT NULL,
    std DOUBLE NOT NULL,
    PRIMARY KEY (artefact, method)
);
COMMENT ON TABLE paper IS 'The numbers of Student-Informed Teacher Training, over three training runs.';
COMMENT ON COLUMN paper.artefact IS 'Where it stands in the paper; table1 is the success rate of the student.';
COMMENT ON COLUMN paper.method IS 'Our name of the method.';
COMMENT ON COLUMN paper.mean IS 'Mean over the paper''s seeds, 1.';
COMMENT ON COLUMN paper.std IS 'Standard deviation over the paper''s seeds, 1.';

INSERT INTO paper VALUES
    ('table1', 'bc', 0.27, 0.02),
    ('table1', 'dagger', 0.31, 0.24),
    ('table1', 'joint', 0.60, 0.04),
    ('table1', 'joint_aligned', 0.77, 0.12);
