SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.artifact (
    id integer NOT NULL,
    run_id text NOT NULL,
    attempt_id integer NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    sha256 text NOT NULL,
    bytes bigint NOT NULL
);
CREATE SEQUENCE public.artifact_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.artifact_id_seq OWNED BY public.artifact.id;
CREATE TABLE public.attempt (
    id integer NOT NULL,
    run_id text NOT NULL,
    number integer NOT NULL,
    token text NOT NULL,
    outcome text,
    started timestamp with time zone NOT NULL,
    heartbeat timestamp with time zone NOT NULL,
    ended timestamp with time zone,
    host text NOT NULL,
    pid integer NOT NULL,
    message text,
    traceback text,
    git_commit text,
    dirty_hash text,
    versions json NOT NULL,
    device text,
    mode text,
    directory text NOT NULL,
    epochs_planned integer NOT NULL,
    CONSTRAINT ck_attempt_ended CHECK (((outcome IS NULL) = (ended IS NULL))),
    CONSTRAINT ck_attempt_outcome CHECK ((outcome = ANY (ARRAY['ok'::text, 'nan'::text, 'oom'::text, 'lost'::text, 'error'::text, 'cancelled'::text])))
);
CREATE SEQUENCE public.attempt_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.attempt_id_seq OWNED BY public.attempt.id;
CREATE TABLE public.dataset (
    fingerprint text NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    kind text NOT NULL,
    n_pixels integer NOT NULL,
    n_patches integer NOT NULL,
    n_months integer NOT NULL,
    source text NOT NULL,
    licence text NOT NULL,
    created timestamp with time zone NOT NULL,
    CONSTRAINT ck_dataset_kind CHECK ((kind = ANY (ARRAY['real'::text, 'synthetic'::text])))
);
CREATE TABLE public.epoch (
    run_id text NOT NULL,
    epoch integer NOT NULL,
    attempt_id integer NOT NULL,
    total double precision,
    total_kind text NOT NULL,
    dev double precision,
    dev_kind text NOT NULL,
    terms json NOT NULL,
    seconds double precision NOT NULL,
    CONSTRAINT ck_epoch_dev_kind CHECK ((dev_kind = ANY (ARRAY['finite'::text, 'nan'::text, 'inf'::text, '-inf'::text, '-0'::text]))),
    CONSTRAINT ck_epoch_dev_pair CHECK (((dev IS NULL) = (dev_kind = 'nan'::text))),
    CONSTRAINT ck_epoch_total_kind CHECK ((total_kind = ANY (ARRAY['finite'::text, 'nan'::text, 'inf'::text, '-inf'::text, '-0'::text]))),
    CONSTRAINT ck_epoch_total_pair CHECK (((total IS NULL) = (total_kind = 'nan'::text)))
);
CREATE TABLE public.grid (
    id integer NOT NULL,
    name text NOT NULL,
    spec json NOT NULL,
    created timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.grid_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.grid_id_seq OWNED BY public.grid.id;
CREATE TABLE public.grid_run (
    grid_id integer NOT NULL,
    run_id text NOT NULL
);
CREATE TABLE public.landlab_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.loss_weights (
    id text NOT NULL,
    weights json NOT NULL
);
CREATE TABLE public.metric (
    run_id text NOT NULL,
    split text NOT NULL,
    variable text NOT NULL,
    statistic text NOT NULL,
    level text NOT NULL,
    value double precision,
    kind text NOT NULL,
    CONSTRAINT ck_metric_kind CHECK ((kind = ANY (ARRAY['finite'::text, 'nan'::text, 'inf'::text, '-inf'::text, '-0'::text]))),
    CONSTRAINT ck_metric_value_pair CHECK (((value IS NULL) = (kind = 'nan'::text)))
);
CREATE TABLE public.run (
    run_id text NOT NULL,
    "position" bigint NOT NULL,
    dataset text NOT NULL,
    setup_id text NOT NULL,
    loss_weights_id text NOT NULL,
    seed_init integer NOT NULL,
    seed_split integer NOT NULL,
    seed_shuffle integer NOT NULL,
    spec json NOT NULL,
    state text NOT NULL,
    created timestamp with time zone NOT NULL,
    updated timestamp with time zone NOT NULL,
    CONSTRAINT ck_run_state CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE public.setup (
    id text NOT NULL,
    label text NOT NULL,
    predictors json NOT NULL,
    process json NOT NULL,
    spec json NOT NULL
);
CREATE TABLE public.tag (
    run_id text NOT NULL,
    name text NOT NULL,
    created timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.artifact ALTER COLUMN id SET DEFAULT nextval('public.artifact_id_seq'::regclass);
ALTER TABLE ONLY public.attempt ALTER COLUMN id SET DEFAULT nextval('public.attempt_id_seq'::regclass);
ALTER TABLE ONLY public.grid ALTER COLUMN id SET DEFAULT nextval('public.grid_id_seq'::regclass);
INSERT INTO public.artifact VALUES (1, 'c1c4bfc3eca0ab82', 1, 'checkpoint', 'runs/r/t/checkpoint.msgpack', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1099511627776);
INSERT INTO public.artifact VALUES (8, 'd2380b15261c92a8', 6, 'checkpoint', 'runs/r/t/checkpoint.msgpack', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1099511627776);
INSERT INTO public.attempt VALUES (1, 'c1c4bfc3eca0ab82', 1, 'c11af7dd37b2aa25', 'ok', '2026-11-21 11:02:30.2355+00', '2026-11-21 11:02:30.505539+00', '2026-11-21 11:02:30.507852+00', 'host', 1, NULL, NULL, 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/c1c4bfc3eca0ab82/c11af7dd37b2aa25', 199);
INSERT INTO public.attempt VALUES (2, '2cb5f123b598c430', 1, '700997c11321ef92', 'nan', '2026-11-21 11:02:30.513214+00', '2026-11-21 11:02:30.532217+00', '2026-11-21 11:02:30.533017+00', 'host', 1, 'it''s ''quoted''; -- not a comment', 'Traceback
  "…"
', 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/2cb5f123b598c430/700997c11321ef92', 199);
INSERT INTO public.attempt VALUES (3, 'f5d7e34f86a955e2', 1, 'd3180353bf95cb43', 'oom', '2026-11-21 11:02:30.540487+00', '2026-11-21 11:02:30.551236+00', '2026-11-21 11:02:30.55192+00', 'host', 1, 'it''s ''quoted''; -- not a comment', 'Traceback
  "…"
', 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/f5d7e34f86a955e2/d3180353bf95cb43', 199);
INSERT INTO public.attempt VALUES (4, 'c6d333bc65421352', 1, 'e1d6797f1f15d317', 'lost', '2026-11-21 11:02:30.555253+00', '2026-11-21 11:02:30.573055+00', '2026-11-21 11:02:30.574753+00', 'host', 1, 'it''s ''quoted''; -- not a comment', 'Traceback
  "…"
', 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/c6d333bc65421352/e1d6797f1f15d317', 199);
INSERT INTO public.attempt VALUES (5, 'c6d333bc65421352', 2, '7b0fe3653dcd9c97', 'cancelled', '2026-11-21 11:02:30.579513+00', '2026-11-21 11:02:30.579513+00', '2026-11-21 11:02:30.598928+00', 'host', 1, 'the run was cancelled', NULL, NULL, NULL, '{}', NULL, NULL, 'runs/c6d333bc65421352/7b0fe3653dcd9c97', 199);
INSERT INTO public.attempt VALUES (6, 'd2380b15261c92a8', 1, '692e751b75b3cac1', NULL, '2026-11-21 11:02:30.600159+00', '2026-11-21 11:02:30.616723+00', NULL, 'host', 1, NULL, NULL, NULL, NULL, '{}', NULL, NULL, 'runs/d2380b15261c92a8/692e751b75b3cac1', 199);
INSERT INTO public.dataset VALUES ('0123456789abcdef', 'twin', 'data/twin.zarr', 'synthetic', 320, 12, 168, 'landlab', 'MIT', '2026-11-21 11:02:30.177948+00');
INSERT INTO public.dataset VALUES ('fedcba9876543210', 'türme-塔', 's3://k:***@b/x', 'real', 164, 90, 168, 'O''Brien', 'CC BY', '2026-11-21 11:02:30.204382+00');
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 1, 1, NULL, 'nan', NULL, 'nan', '{"sif": "nan", "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 2, 1, 'Infinity', 'inf', '-Infinity', '-inf', '{"sif": "inf", "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 3, 1, '-Infinity', '-inf', 'Infinity', 'inf', '{"sif": "-inf", "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 4, 1, 0, '-0', 0, 'finite', '{"sif": -0.0, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 5, 1, 0, 'finite', 0, '-0', '{"sif": 0.0, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 6, 1, 5e-324, 'finite', -5e-324, 'finite', '{"sif": 5e-324, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 7, 1, 0.1, 'finite', -0.1, 'finite', '{"sif": 0.1, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('d2380b15261c92a8', 1, 6, 1, 'finite', 2, 'finite', '{}', 0.5);
INSERT INTO public.grid VALUES (1, 'g', '{"name": "g", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": [0, 2147483647], "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}}', '2026-11-21 11:02:30.211606+00');
INSERT INTO public.grid VALUES (2, 'h', '{"name": "h", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": 1, "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}}', '2026-11-21 11:02:30.231443+00');
INSERT INTO public.grid_run VALUES (1, 'c1c4bfc3eca0ab82');
INSERT INTO public.grid_run VALUES (1, '2cb5f123b598c430');
INSERT INTO public.grid_run VALUES (1, 'f5d7e34f86a955e2');
INSERT INTO public.grid_run VALUES (1, 'c6d333bc65421352');
INSERT INTO public.grid_run VALUES (1, 'd2380b15261c92a8');
INSERT INTO public.grid_run VALUES (1, '2ee0e0fac44ca312');
INSERT INTO public.grid_run VALUES (2, 'c1c4bfc3eca0ab82');
INSERT INTO public.grid_run VALUES (2, '2cb5f123b598c430');
INSERT INTO public.grid_run VALUES (2, 'f5d7e34f86a955e2');
INSERT INTO public.landlab_version VALUES ('0002');
INSERT INTO public.loss_weights VALUES ('0f4911386c06210d', '{"sif": 400.0, "lai": 40.0, "biomass": 5e-05, "som": 3e-06, "nbe": 3000.0, "nbe_iav": 10380.0, "fire": 1000.0, "ewt": 0.2, "vod": 100.0, "gpp_fluxnet": 100.0, "reco_fluxnet": 100.0, "et_fluxnet": 100.0, "et_gleam": 1.0, "nee_site": 100.0, "violation": 400.0, "edc": 10.0}');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's0', 'flat', NULL, 'nan');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's1', 'flat', 'Infinity', 'inf');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's2', 'flat', '-Infinity', '-inf');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's3', 'flat', 0, '-0');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's4', 'flat', 0, 'finite');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's5', 'flat', 5e-324, 'finite');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's6', 'flat', 0.1, 'finite');
INSERT INTO public.run VALUES ('2ee0e0fac44ca312', 6, '0123456789abcdef', '124d74d6179c65ac', '0f4911386c06210d', 2147483647, 2147483647, 2147483647, '{"dataset": "0123456789abcdef", "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}', 'pending', '2026-11-21 11:02:30.211606+00', '2026-11-21 11:02:30.211606+00');
INSERT INTO public.run VALUES ('c1c4bfc3eca0ab82', 1, '0123456789abcdef', 'addfe79d9c047e38', '0f4911386c06210d', 0, 0, 0, '{"dataset": "0123456789abcdef", "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}', 'completed', '2026-11-21 11:02:30.211606+00', '2026-11-21 11:02:30.507852+00');
INSERT INTO public.run VALUES ('2cb5f123b598c430', 2, '0123456789abcdef', '398a90d0dea508de', '0f4911386c06210d', 0, 0, 0, '{"dataset": "0123456789abcdef", "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}', 'failed', '2026-11-21 11:02:30.211606+00', '2026-11-21 11:02:30.533017+00');
INSERT INTO public.run VALUES ('f5d7e34f86a955e2', 3, '0123456789abcdef', '124d74d6179c65ac', '0f4911386c06210d', 0, 0, 0, '{"dataset": "0123456789abcdef", "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}', 'failed', '2026-11-21 11:02:30.211606+00', '2026-11-21 11:02:30.55192+00');
INSERT INTO public.run VALUES ('c6d333bc65421352', 4, '0123456789abcdef', 'addfe79d9c047e38', '0f4911386c06210d', 2147483647, 2147483647, 2147483647, '{"dataset": "0123456789abcdef", "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}', 'cancelled', '2026-11-21 11:02:30.211606+00', '2026-11-21 11:02:30.597696+00');
INSERT INTO public.run VALUES ('d2380b15261c92a8', 5, '0123456789abcdef', '398a90d0dea508de', '0f4911386c06210d', 2147483647, 2147483647, 2147483647, '{"dataset": "0123456789abcdef", "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}', 'running', '2026-11-21 11:02:30.211606+00', '2026-11-21 11:02:30.600159+00');
INSERT INTO public.setup VALUES ('addfe79d9c047e38', 'PFT', '["PFT"]', '{"water_stress": "nn_paw"}', '{"predictors": ["PFT"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO public.setup VALUES ('398a90d0dea508de', 'CLIM', '["CLIM"]', '{"water_stress": "nn_paw"}', '{"predictors": ["CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO public.setup VALUES ('124d74d6179c65ac', 'PFT+CLIM', '["PFT", "CLIM"]', '{"water_stress": "nn_paw"}', '{"predictors": ["PFT", "CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO public.tag VALUES ('c1c4bfc3eca0ab82', 'paper', '2026-11-21 11:02:30.6354+00');
SELECT pg_catalog.setval('public.artifact_id_seq', 8, true);
SELECT pg_catalog.setval('public.attempt_id_seq', 6, true);
SELECT pg_catalog.setval('public.grid_id_seq', 2, true);
ALTER TABLE ONLY public.landlab_version
    ADD CONSTRAINT landlab_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT pk_artifact PRIMARY KEY (id);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT pk_attempt PRIMARY KEY (id);
ALTER TABLE ONLY public.dataset
    ADD CONSTRAINT pk_dataset PRIMARY KEY (fingerprint);
ALTER TABLE ONLY public.epoch
    ADD CONSTRAINT pk_epoch PRIMARY KEY (run_id, epoch);
ALTER TABLE ONLY public.grid
    ADD CONSTRAINT pk_grid PRIMARY KEY (id);
ALTER TABLE ONLY public.grid_run
    ADD CONSTRAINT pk_grid_run PRIMARY KEY (grid_id, run_id);
ALTER TABLE ONLY public.loss_weights
    ADD CONSTRAINT pk_loss_weights PRIMARY KEY (id);
ALTER TABLE ONLY public.metric
    ADD CONSTRAINT pk_metric PRIMARY KEY (run_id, split, variable, statistic, level);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT pk_run PRIMARY KEY (run_id);
ALTER TABLE ONLY public.setup
    ADD CONSTRAINT pk_setup PRIMARY KEY (id);
ALTER TABLE ONLY public.tag
    ADD CONSTRAINT pk_tag PRIMARY KEY (run_id, name);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT uq_artifact_run_id_kind UNIQUE (run_id, kind);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT uq_attempt_run_id_number UNIQUE (run_id, number);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT uq_attempt_token UNIQUE (token);
ALTER TABLE ONLY public.dataset
    ADD CONSTRAINT uq_dataset_name UNIQUE (name);
ALTER TABLE ONLY public.grid
    ADD CONSTRAINT uq_grid_name UNIQUE (name);
CREATE INDEX ix_grid_run_run_id ON public.grid_run USING btree (run_id);
CREATE INDEX ix_run_dataset ON public.run USING btree (dataset);
CREATE INDEX ix_run_position ON public.run USING btree ("position");
CREATE INDEX ix_run_setup_id ON public.run USING btree (setup_id);
CREATE INDEX ix_run_state_position ON public.run USING btree (state, "position");
CREATE INDEX ix_tag_name ON public.tag USING btree (name);
CREATE UNIQUE INDEX uq_attempt_going ON public.attempt USING btree (run_id) WHERE (outcome IS NULL);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT fk_artifact_attempt_id FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT fk_artifact_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT fk_attempt_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.epoch
    ADD CONSTRAINT fk_epoch_attempt_id FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);
ALTER TABLE ONLY public.epoch
    ADD CONSTRAINT fk_epoch_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.grid_run
    ADD CONSTRAINT fk_grid_run_grid_id FOREIGN KEY (grid_id) REFERENCES public.grid(id);
ALTER TABLE ONLY public.grid_run
    ADD CONSTRAINT fk_grid_run_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.metric
    ADD CONSTRAINT fk_metric_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_dataset FOREIGN KEY (dataset) REFERENCES public.dataset(fingerprint);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_loss_weights_id FOREIGN KEY (loss_weights_id) REFERENCES public.loss_weights(id);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_setup_id FOREIGN KEY (setup_id) REFERENCES public.setup(id);
ALTER TABLE ONLY public.tag
    ADD CONSTRAINT fk_tag_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
