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
CREATE TABLE public.analysis (
    id text NOT NULL,
    name text NOT NULL,
    options json NOT NULL,
    filter text NOT NULL,
    path text NOT NULL,
    sha256 text NOT NULL,
    bytes bigint NOT NULL,
    created timestamp with time zone NOT NULL,
    environment json NOT NULL
);
CREATE TABLE public.analysis_run (
    analysis_id text NOT NULL,
    run_id text NOT NULL,
    evidence text NOT NULL
);
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
CREATE TABLE public.dataset_alias (
    name text NOT NULL,
    fingerprint text NOT NULL
);
CREATE TABLE public.ensemble (
    id text NOT NULL,
    name text NOT NULL,
    rule json NOT NULL,
    filter text NOT NULL,
    created timestamp with time zone NOT NULL
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
CREATE TABLE public.event (
    id bigint NOT NULL,
    "time" timestamp with time zone NOT NULL,
    kind text NOT NULL,
    run_id text,
    detail json NOT NULL,
    CONSTRAINT ck_event_kind CHECK ((kind = ANY (ARRAY['dataset_registered'::text, 'registered'::text, 'claimed'::text, 'ended'::text, 'cancelled'::text, 'retried'::text, 'reclaimed'::text, 'tagged'::text, 'untagged'::text, 'analysis'::text, 'ensemble'::text, 'study'::text, 'trial'::text, 'read_test'::text])))
);
CREATE SEQUENCE public.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.event_id_seq OWNED BY public.event.id;
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
CREATE TABLE public.member (
    ensemble_id text NOT NULL,
    run_id text NOT NULL,
    rank integer NOT NULL,
    score double precision,
    score_kind text NOT NULL,
    kept boolean NOT NULL,
    reason text,
    CONSTRAINT ck_member_reason CHECK ((kept = (reason IS NULL))),
    CONSTRAINT ck_member_score_kind CHECK ((score_kind = ANY (ARRAY['finite'::text, 'nan'::text, 'inf'::text, '-inf'::text, '-0'::text]))),
    CONSTRAINT ck_member_score_pair CHECK (((score IS NULL) = (score_kind = 'nan'::text)))
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
    epochs integer DEFAULT 0 NOT NULL,
    CONSTRAINT ck_run_state CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE public.setup (
    id text NOT NULL,
    label text NOT NULL,
    predictors json NOT NULL,
    process json NOT NULL,
    spec json NOT NULL
);
CREATE TABLE public.study (
    id integer NOT NULL,
    name text NOT NULL,
    spec json NOT NULL,
    created timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.study_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.study_id_seq OWNED BY public.study.id;
CREATE TABLE public.study_trial (
    study_id integer NOT NULL,
    trial integer NOT NULL,
    run_id text NOT NULL
);
CREATE TABLE public.tag (
    run_id text NOT NULL,
    name text NOT NULL,
    created timestamp with time zone NOT NULL
);
CREATE TABLE public.weight_set (
    name text NOT NULL,
    loss_weights_id text NOT NULL,
    study_id integer NOT NULL,
    trial integer NOT NULL,
    created timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.artifact ALTER COLUMN id SET DEFAULT nextval('public.artifact_id_seq'::regclass);
ALTER TABLE ONLY public.attempt ALTER COLUMN id SET DEFAULT nextval('public.attempt_id_seq'::regclass);
ALTER TABLE ONLY public.event ALTER COLUMN id SET DEFAULT nextval('public.event_id_seq'::regclass);
ALTER TABLE ONLY public.grid ALTER COLUMN id SET DEFAULT nextval('public.grid_id_seq'::regclass);
ALTER TABLE ONLY public.study ALTER COLUMN id SET DEFAULT nextval('public.study_id_seq'::regclass);
INSERT INTO public.analysis VALUES ('aaaaaaaaaaaaaaaa', 'skill', '{"split": "dev", "\u00fcnits": null, "levels": [1, 0.1]}', 'tag = ''paper''', 'a/skill', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 1099511627776, '2026-11-30 16:37:33.500961+00', '{"jax": "0.10.2"}');
INSERT INTO public.analysis_run VALUES ('aaaaaaaaaaaaaaaa', 'c1c4bfc3eca0ab82', '0dbd5f4f896f244095141f56c5718c344dc2dbba6d8c1113bda6d285c1b552cc');
INSERT INTO public.artifact VALUES (1, 'c1c4bfc3eca0ab82', 1, 'checkpoint', 'runs/r/t/checkpoint.msgpack', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1099511627776);
INSERT INTO public.artifact VALUES (8, 'd2380b15261c92a8', 6, 'checkpoint', 'runs/r/t/checkpoint.msgpack', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1099511627776);
INSERT INTO public.attempt VALUES (1, 'c1c4bfc3eca0ab82', 1, '06840d5a42fdf177', 'ok', '2026-11-30 16:37:32.656581+00', '2026-11-30 16:37:32.959214+00', '2026-11-30 16:37:32.985783+00', 'host', 1, NULL, NULL, 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/c1c4bfc3eca0ab82/06840d5a42fdf177', 199);
INSERT INTO public.attempt VALUES (2, '2cb5f123b598c430', 1, '006142a7c60b661b', 'nan', '2026-11-30 16:37:33.001469+00', '2026-11-30 16:37:33.021891+00', '2026-11-30 16:37:33.02248+00', 'host', 1, 'it''s ''quoted''; -- not a comment', 'Traceback
  "…"
', 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/2cb5f123b598c430/006142a7c60b661b', 199);
INSERT INTO public.attempt VALUES (3, 'f5d7e34f86a955e2', 1, 'e0327762c55719c3', 'oom', '2026-11-30 16:37:33.036797+00', '2026-11-30 16:37:33.084912+00', '2026-11-30 16:37:33.091843+00', 'host', 1, 'it''s ''quoted''; -- not a comment', 'Traceback
  "…"
', 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/f5d7e34f86a955e2/e0327762c55719c3', 199);
INSERT INTO public.attempt VALUES (4, 'c6d333bc65421352', 1, '9b637a145902ee21', 'lost', '2026-11-30 16:37:33.120568+00', '2026-11-30 16:37:33.198126+00', '2026-11-30 16:37:33.199116+00', 'host', 1, 'it''s ''quoted''; -- not a comment', 'Traceback
  "…"
', 'abc', 'dddddddddddddddd', '{"jax": "0.10.2"}', 'cpu', '1 lane, β', 'runs/c6d333bc65421352/9b637a145902ee21', 199);
INSERT INTO public.attempt VALUES (5, 'c6d333bc65421352', 2, '9c0c2571fbc7f1f0', 'cancelled', '2026-11-30 16:37:33.212542+00', '2026-11-30 16:37:33.212542+00', '2026-11-30 16:37:33.278414+00', 'host', 1, 'the run was cancelled', NULL, NULL, NULL, '{}', NULL, NULL, 'runs/c6d333bc65421352/9c0c2571fbc7f1f0', 199);
INSERT INTO public.attempt VALUES (6, 'd2380b15261c92a8', 1, 'fe0f002eff1b219a', NULL, '2026-11-30 16:37:33.296565+00', '2026-11-30 16:37:33.347815+00', NULL, 'host', 1, NULL, NULL, NULL, NULL, '{}', NULL, NULL, 'runs/d2380b15261c92a8/fe0f002eff1b219a', 199);
INSERT INTO public.dataset VALUES ('0123456789abcdef', 'twin', 'data/twin.zarr', 'synthetic', 320, 12, 168, 'landlab', 'MIT', '2026-11-30 16:37:32.426975+00');
INSERT INTO public.dataset VALUES ('fedcba9876543210', 'türme-塔', 's3://k:***@b/x', 'real', 164, 90, 168, 'O''Brien', 'CC BY', '2026-11-30 16:37:32.520101+00');
INSERT INTO public.dataset_alias VALUES ('other name', 'fedcba9876543210');
INSERT INTO public.ensemble VALUES ('6bc11ed8464453f2', 'bést', '{"keep": 1}', '', '2026-11-30 16:37:33.536631+00');
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 1, 1, NULL, 'nan', NULL, 'nan', '{"sif": "nan", "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 2, 1, 'Infinity', 'inf', '-Infinity', '-inf', '{"sif": "inf", "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 3, 1, '-Infinity', '-inf', 'Infinity', 'inf', '{"sif": "-inf", "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 4, 1, 0, '-0', 0, 'finite', '{"sif": -0.0, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 5, 1, 0, 'finite', 0, '-0', '{"sif": 0.0, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 6, 1, 5e-324, 'finite', -5e-324, 'finite', '{"sif": 5e-324, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('c1c4bfc3eca0ab82', 7, 1, 0.1, 'finite', -0.1, 'finite', '{"sif": 0.1, "lai": 1.0}', 0.5);
INSERT INTO public.epoch VALUES ('d2380b15261c92a8', 1, 6, 1, 'finite', 2, 'finite', '{}', 0.5);
INSERT INTO public.event VALUES (1, '2026-11-30 16:37:32.496987+00', 'dataset_registered', NULL, '{"fingerprint": "0123456789abcdef", "name": "twin"}');
INSERT INTO public.event VALUES (2, '2026-11-30 16:37:32.53507+00', 'dataset_registered', NULL, '{"fingerprint": "fedcba9876543210", "name": "t\u00fcrme-\u5854"}');
INSERT INTO public.event VALUES (3, '2026-11-30 16:37:32.557835+00', 'dataset_registered', NULL, '{"fingerprint": "fedcba9876543210", "name": "other name"}');
INSERT INTO public.event VALUES (4, '2026-11-30 16:37:32.602472+00', 'registered', NULL, '{"grid": "g", "added": 6, "existing": 0}');
INSERT INTO public.event VALUES (5, '2026-11-30 16:37:32.637999+00', 'registered', NULL, '{"grid": "h", "added": 0, "existing": 3}');
INSERT INTO public.event VALUES (6, '2026-11-30 16:37:32.678586+00', 'claimed', 'c1c4bfc3eca0ab82', '{"attempt": 1, "host": "host"}');
INSERT INTO public.event VALUES (7, '2026-11-30 16:37:32.998026+00', 'ended', 'c1c4bfc3eca0ab82', '{"attempt": 1, "outcome": "ok", "state": "completed"}');
INSERT INTO public.event VALUES (8, '2026-11-30 16:37:33.0138+00', 'claimed', '2cb5f123b598c430', '{"attempt": 1, "host": "host"}');
INSERT INTO public.event VALUES (9, '2026-11-30 16:37:33.025285+00', 'ended', '2cb5f123b598c430', '{"attempt": 1, "outcome": "nan", "state": "failed"}');
INSERT INTO public.event VALUES (10, '2026-11-30 16:37:33.055966+00', 'claimed', 'f5d7e34f86a955e2', '{"attempt": 1, "host": "host"}');
INSERT INTO public.event VALUES (11, '2026-11-30 16:37:33.099215+00', 'ended', 'f5d7e34f86a955e2', '{"attempt": 1, "outcome": "oom", "state": "failed"}');
INSERT INTO public.event VALUES (12, '2026-11-30 16:37:33.177501+00', 'claimed', 'c6d333bc65421352', '{"attempt": 1, "host": "host"}');
INSERT INTO public.event VALUES (13, '2026-11-30 16:37:33.208392+00', 'ended', 'c6d333bc65421352', '{"attempt": 1, "outcome": "lost", "state": "pending"}');
INSERT INTO public.event VALUES (14, '2026-11-30 16:37:33.248841+00', 'claimed', 'c6d333bc65421352', '{"attempt": 2, "host": "host"}');
INSERT INTO public.event VALUES (15, '2026-11-30 16:37:33.286959+00', 'cancelled', 'c6d333bc65421352', '{}');
INSERT INTO public.event VALUES (16, '2026-11-30 16:37:33.332751+00', 'claimed', 'd2380b15261c92a8', '{"attempt": 1, "host": "host"}');
INSERT INTO public.event VALUES (17, '2026-11-30 16:37:33.418292+00', 'tagged', 'c1c4bfc3eca0ab82', '{"tag": "paper"}');
INSERT INTO public.event VALUES (18, '2026-11-30 16:37:33.530506+00', 'analysis', NULL, '{"id": "aaaaaaaaaaaaaaaa", "name": "skill", "runs": 1}');
INSERT INTO public.event VALUES (19, '2026-11-30 16:37:33.562533+00', 'ensemble', NULL, '{"id": "6bc11ed8464453f2", "name": "b\u00e9st", "kept": 1, "candidates": 2}');
INSERT INTO public.event VALUES (20, '2026-11-30 16:37:33.569616+00', 'study', NULL, '{"name": "tune"}');
INSERT INTO public.event VALUES (21, '2026-11-30 16:37:33.581344+00', 'trial', NULL, '{"study": "tune", "trial": 0, "runs": 2}');
INSERT INTO public.event VALUES (22, '2026-11-30 16:37:33.593224+00', 'study', NULL, '{"name": "tune", "trial": 0, "promoted": "tuned"}');
INSERT INTO public.grid VALUES (1, 'g', '{"name": "g", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": [0, 2147483647], "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}, "policies": {"retries": 3, "stall_minutes": 10.0, "members": 1, "cpus": 1.0, "gpus": null, "memory_gb": 0.0}}', '2026-11-30 16:37:32.559692+00');
INSERT INTO public.grid VALUES (2, 'h', '{"name": "h", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": 1, "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}, "policies": {"retries": 3, "stall_minutes": 10.0, "members": 1, "cpus": 1.0, "gpus": null, "memory_gb": 0.0}}', '2026-11-30 16:37:32.620882+00');
INSERT INTO public.grid_run VALUES (1, 'c1c4bfc3eca0ab82');
INSERT INTO public.grid_run VALUES (1, '2cb5f123b598c430');
INSERT INTO public.grid_run VALUES (1, 'f5d7e34f86a955e2');
INSERT INTO public.grid_run VALUES (1, 'c6d333bc65421352');
INSERT INTO public.grid_run VALUES (1, 'd2380b15261c92a8');
INSERT INTO public.grid_run VALUES (1, '2ee0e0fac44ca312');
INSERT INTO public.grid_run VALUES (2, 'c1c4bfc3eca0ab82');
INSERT INTO public.grid_run VALUES (2, '2cb5f123b598c430');
INSERT INTO public.grid_run VALUES (2, 'f5d7e34f86a955e2');
INSERT INTO public.landlab_version VALUES ('0005');
INSERT INTO public.loss_weights VALUES ('0f4911386c06210d', '{"sif": 400.0, "lai": 40.0, "biomass": 5e-05, "som": 3e-06, "nbe": 3000.0, "nbe_iav": 10380.0, "fire": 1000.0, "ewt": 0.2, "vod": 100.0, "gpp_fluxnet": 100.0, "reco_fluxnet": 100.0, "et_fluxnet": 100.0, "et_gleam": 1.0, "nee_site": 100.0, "violation": 400.0, "edc": 10.0}');
INSERT INTO public.loss_weights VALUES ('70f394dd2cfe42c4', '{"lai": 655.496, "som": 3e-06}');
INSERT INTO public.member VALUES ('6bc11ed8464453f2', 'c1c4bfc3eca0ab82', 1, 0, '-0', true, NULL);
INSERT INTO public.member VALUES ('6bc11ed8464453f2', 'c6d333bc65421352', 2, NULL, 'nan', false, 'no skill: ''NaN''');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's0', 'flat', NULL, 'nan');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's1', 'flat', 'Infinity', 'inf');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's2', 'flat', '-Infinity', '-inf');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's3', 'flat', 0, '-0');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's4', 'flat', 0, 'finite');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's5', 'flat', 5e-324, 'finite');
INSERT INTO public.metric VALUES ('c1c4bfc3eca0ab82', 'dev', 'gpp', 's6', 'flat', 0.1, 'finite');
INSERT INTO public.run VALUES ('2ee0e0fac44ca312', 6, '0123456789abcdef', '124d74d6179c65ac', '0f4911386c06210d', 2147483647, 2147483647, 2147483647, '{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}', 'pending', '2026-11-30 16:37:32.559692+00', '2026-11-30 16:37:32.559692+00', 0);
INSERT INTO public.run VALUES ('c1c4bfc3eca0ab82', 1, '0123456789abcdef', 'addfe79d9c047e38', '0f4911386c06210d', 0, 0, 0, '{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}', 'completed', '2026-11-30 16:37:32.559692+00', '2026-11-30 16:37:32.985783+00', 7);
INSERT INTO public.run VALUES ('2cb5f123b598c430', 2, '0123456789abcdef', '398a90d0dea508de', '0f4911386c06210d', 0, 0, 0, '{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}', 'failed', '2026-11-30 16:37:32.559692+00', '2026-11-30 16:37:33.02248+00', 0);
INSERT INTO public.run VALUES ('f5d7e34f86a955e2', 3, '0123456789abcdef', '124d74d6179c65ac', '0f4911386c06210d', 0, 0, 0, '{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}', 'failed', '2026-11-30 16:37:32.559692+00', '2026-11-30 16:37:33.091843+00', 0);
INSERT INTO public.run VALUES ('c6d333bc65421352', 4, '0123456789abcdef', 'addfe79d9c047e38', '0f4911386c06210d', 2147483647, 2147483647, 2147483647, '{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}', 'cancelled', '2026-11-30 16:37:32.559692+00', '2026-11-30 16:37:33.270126+00', 0);
INSERT INTO public.run VALUES ('d2380b15261c92a8', 5, '0123456789abcdef', '398a90d0dea508de', '0f4911386c06210d', 2147483647, 2147483647, 2147483647, '{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}', 'running', '2026-11-30 16:37:32.559692+00', '2026-11-30 16:37:33.296565+00', 1);
INSERT INTO public.setup VALUES ('addfe79d9c047e38', 'PFT', '["PFT"]', '{"water_stress": "nn_paw", "photosynthesis": "acm"}', '{"predictors": ["PFT"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO public.setup VALUES ('398a90d0dea508de', 'CLIM', '["CLIM"]', '{"water_stress": "nn_paw", "photosynthesis": "acm"}', '{"predictors": ["CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO public.setup VALUES ('124d74d6179c65ac', 'PFT+CLIM', '["PFT", "CLIM"]', '{"water_stress": "nn_paw", "photosynthesis": "acm"}', '{"predictors": ["PFT", "CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO public.study VALUES (1, 'tune', '{"trials": 2}', '2026-11-30 16:37:33.567356+00');
INSERT INTO public.study_trial VALUES (1, 0, 'c1c4bfc3eca0ab82');
INSERT INTO public.study_trial VALUES (1, 0, 'c6d333bc65421352');
INSERT INTO public.tag VALUES ('c1c4bfc3eca0ab82', 'paper', '2026-11-30 16:37:33.400629+00');
INSERT INTO public.weight_set VALUES ('tuned', '70f394dd2cfe42c4', 1, 0, '2026-11-30 16:37:33.58304+00');
SELECT pg_catalog.setval('public.artifact_id_seq', 8, true);
SELECT pg_catalog.setval('public.attempt_id_seq', 6, true);
SELECT pg_catalog.setval('public.event_id_seq', 22, true);
SELECT pg_catalog.setval('public.grid_id_seq', 2, true);
SELECT pg_catalog.setval('public.study_id_seq', 1, true);
ALTER TABLE ONLY public.landlab_version
    ADD CONSTRAINT landlab_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.analysis
    ADD CONSTRAINT pk_analysis PRIMARY KEY (id);
ALTER TABLE ONLY public.analysis_run
    ADD CONSTRAINT pk_analysis_run PRIMARY KEY (analysis_id, run_id);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT pk_artifact PRIMARY KEY (id);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT pk_attempt PRIMARY KEY (id);
ALTER TABLE ONLY public.dataset
    ADD CONSTRAINT pk_dataset PRIMARY KEY (fingerprint);
ALTER TABLE ONLY public.dataset_alias
    ADD CONSTRAINT pk_dataset_alias PRIMARY KEY (name);
ALTER TABLE ONLY public.ensemble
    ADD CONSTRAINT pk_ensemble PRIMARY KEY (id);
ALTER TABLE ONLY public.epoch
    ADD CONSTRAINT pk_epoch PRIMARY KEY (run_id, epoch);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT pk_event PRIMARY KEY (id);
ALTER TABLE ONLY public.grid
    ADD CONSTRAINT pk_grid PRIMARY KEY (id);
ALTER TABLE ONLY public.grid_run
    ADD CONSTRAINT pk_grid_run PRIMARY KEY (grid_id, run_id);
ALTER TABLE ONLY public.loss_weights
    ADD CONSTRAINT pk_loss_weights PRIMARY KEY (id);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT pk_member PRIMARY KEY (ensemble_id, run_id);
ALTER TABLE ONLY public.metric
    ADD CONSTRAINT pk_metric PRIMARY KEY (run_id, split, variable, statistic, level);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT pk_run PRIMARY KEY (run_id);
ALTER TABLE ONLY public.setup
    ADD CONSTRAINT pk_setup PRIMARY KEY (id);
ALTER TABLE ONLY public.study
    ADD CONSTRAINT pk_study PRIMARY KEY (id);
ALTER TABLE ONLY public.study_trial
    ADD CONSTRAINT pk_study_trial PRIMARY KEY (study_id, trial, run_id);
ALTER TABLE ONLY public.tag
    ADD CONSTRAINT pk_tag PRIMARY KEY (run_id, name);
ALTER TABLE ONLY public.weight_set
    ADD CONSTRAINT pk_weight_set PRIMARY KEY (name);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT uq_artifact_run_id_kind UNIQUE (run_id, kind);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT uq_attempt_run_id_number UNIQUE (run_id, number);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT uq_attempt_token UNIQUE (token);
ALTER TABLE ONLY public.dataset
    ADD CONSTRAINT uq_dataset_name UNIQUE (name);
ALTER TABLE ONLY public.ensemble
    ADD CONSTRAINT uq_ensemble_name UNIQUE (name);
ALTER TABLE ONLY public.grid
    ADD CONSTRAINT uq_grid_name UNIQUE (name);
ALTER TABLE ONLY public.study
    ADD CONSTRAINT uq_study_name UNIQUE (name);
CREATE INDEX ix_analysis_run_run_id ON public.analysis_run USING btree (run_id);
CREATE INDEX ix_dataset_alias_fingerprint ON public.dataset_alias USING btree (fingerprint);
CREATE INDEX ix_event_kind ON public.event USING btree (kind);
CREATE INDEX ix_event_run_id ON public.event USING btree (run_id);
CREATE INDEX ix_grid_run_run_id ON public.grid_run USING btree (run_id);
CREATE INDEX ix_member_run_id ON public.member USING btree (run_id);
CREATE INDEX ix_metric_value ON public.metric USING btree (variable, statistic, level, split, value, run_id);
CREATE INDEX ix_run_dataset ON public.run USING btree (dataset);
CREATE INDEX ix_run_position ON public.run USING btree ("position");
CREATE INDEX ix_run_setup_id ON public.run USING btree (setup_id);
CREATE INDEX ix_run_state_position ON public.run USING btree (state, "position");
CREATE INDEX ix_study_trial_run_id ON public.study_trial USING btree (run_id);
CREATE INDEX ix_tag_name ON public.tag USING btree (name);
CREATE UNIQUE INDEX uq_attempt_going ON public.attempt USING btree (run_id) WHERE (outcome IS NULL);
ALTER TABLE ONLY public.analysis_run
    ADD CONSTRAINT fk_analysis_run_analysis_id FOREIGN KEY (analysis_id) REFERENCES public.analysis(id);
ALTER TABLE ONLY public.analysis_run
    ADD CONSTRAINT fk_analysis_run_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT fk_artifact_attempt_id FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);
ALTER TABLE ONLY public.artifact
    ADD CONSTRAINT fk_artifact_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT fk_attempt_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.dataset_alias
    ADD CONSTRAINT fk_dataset_alias_fingerprint FOREIGN KEY (fingerprint) REFERENCES public.dataset(fingerprint);
ALTER TABLE ONLY public.epoch
    ADD CONSTRAINT fk_epoch_attempt_id FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);
ALTER TABLE ONLY public.epoch
    ADD CONSTRAINT fk_epoch_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT fk_event_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.grid_run
    ADD CONSTRAINT fk_grid_run_grid_id FOREIGN KEY (grid_id) REFERENCES public.grid(id);
ALTER TABLE ONLY public.grid_run
    ADD CONSTRAINT fk_grid_run_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT fk_member_ensemble_id FOREIGN KEY (ensemble_id) REFERENCES public.ensemble(id);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT fk_member_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.metric
    ADD CONSTRAINT fk_metric_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_dataset FOREIGN KEY (dataset) REFERENCES public.dataset(fingerprint);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_loss_weights_id FOREIGN KEY (loss_weights_id) REFERENCES public.loss_weights(id);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_setup_id FOREIGN KEY (setup_id) REFERENCES public.setup(id);
ALTER TABLE ONLY public.study_trial
    ADD CONSTRAINT fk_study_trial_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.study_trial
    ADD CONSTRAINT fk_study_trial_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);
ALTER TABLE ONLY public.tag
    ADD CONSTRAINT fk_tag_run_id FOREIGN KEY (run_id) REFERENCES public.run(run_id);
ALTER TABLE ONLY public.weight_set
    ADD CONSTRAINT fk_weight_set_loss_weights_id FOREIGN KEY (loss_weights_id) REFERENCES public.loss_weights(id);
ALTER TABLE ONLY public.weight_set
    ADD CONSTRAINT fk_weight_set_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);
