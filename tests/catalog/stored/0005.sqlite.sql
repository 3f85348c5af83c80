BEGIN TRANSACTION;
CREATE TABLE analysis (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	options JSON NOT NULL, 
	filter TEXT NOT NULL, 
	path TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	created DATETIME NOT NULL, 
	environment JSON NOT NULL, 
	CONSTRAINT pk_analysis PRIMARY KEY (id)
);
INSERT INTO "analysis" VALUES('aaaaaaaaaaaaaaaa','skill','{"split": "dev", "\u00fcnits": null, "levels": [1, 0.1]}','tag = ''paper''','a/skill','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',1099511627776,'2026-11-30 16:37:27.264006','{"jax": "0.10.2"}');
CREATE TABLE analysis_run (
	analysis_id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	CONSTRAINT pk_analysis_run PRIMARY KEY (analysis_id, run_id), 
	CONSTRAINT fk_analysis_run_analysis_id FOREIGN KEY(analysis_id) REFERENCES analysis (id), 
	CONSTRAINT fk_analysis_run_run_id FOREIGN KEY(run_id) REFERENCES run (run_id)
);
INSERT INTO "analysis_run" VALUES('aaaaaaaaaaaaaaaa','c1c4bfc3eca0ab82','0dbd5f4f896f244095141f56c5718c344dc2dbba6d8c1113bda6d285c1b552cc');
CREATE TABLE artifact (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	path TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	CONSTRAINT pk_artifact PRIMARY KEY (id), 
	CONSTRAINT fk_artifact_attempt_id FOREIGN KEY(attempt_id) REFERENCES attempt (id), 
	CONSTRAINT fk_artifact_run_id FOREIGN KEY(run_id) REFERENCES run (run_id), 
	CONSTRAINT uq_artifact_run_id_kind UNIQUE (run_id, kind)
);
INSERT INTO "artifact" VALUES(1,'c1c4bfc3eca0ab82',1,'checkpoint','runs/r/t/checkpoint.msgpack','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1099511627776);
INSERT INTO "artifact" VALUES(2,'d2380b15261c92a8',6,'checkpoint','runs/r/t/checkpoint.msgpack','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1099511627776);
CREATE TABLE attempt (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	outcome TEXT, 
	started DATETIME NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	ended DATETIME, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	message TEXT, 
	traceback TEXT, 
	git_commit TEXT, 
	dirty_hash TEXT, 
	versions JSON NOT NULL, 
	device TEXT, 
	mode TEXT, 
	directory TEXT NOT NULL, 
	epochs_planned INTEGER NOT NULL, 
	CONSTRAINT pk_attempt PRIMARY KEY (id), 
	CONSTRAINT ck_attempt_outcome CHECK (outcome IN ('ok', 'nan', 'oom', 'lost', 'error', 'cancelled')), 
	CONSTRAINT ck_attempt_ended CHECK ((outcome IS NULL) = (ended IS NULL)), 
	CONSTRAINT fk_attempt_run_id FOREIGN KEY(run_id) REFERENCES run (run_id), 
	CONSTRAINT uq_attempt_run_id_number UNIQUE (run_id, number), 
	CONSTRAINT uq_attempt_token UNIQUE (token)
);
INSERT INTO "attempt" VALUES(1,'c1c4bfc3eca0ab82',1,'54aa02ffa602255c','ok','2026-11-30 16:37:26.840481','2026-11-30 16:37:27.067332','2026-11-30 16:37:27.091460','host',1,NULL,NULL,'abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/c1c4bfc3eca0ab82/54aa02ffa602255c',199);
INSERT INTO "attempt" VALUES(2,'2cb5f123b598c430',1,'83d354d625d60ff2','nan','2026-11-30 16:37:27.101621','2026-11-30 16:37:27.144590','2026-11-30 16:37:27.145062','host',1,'it''s ''quoted''; -- not a comment','Traceback
  "…"
','abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/2cb5f123b598c430/83d354d625d60ff2',199);
INSERT INTO "attempt" VALUES(3,'f5d7e34f86a955e2',1,'7f6a75eaa5a3cb1a','oom','2026-11-30 16:37:27.152695','2026-11-30 16:37:27.179700','2026-11-30 16:37:27.180001','host',1,'it''s ''quoted''; -- not a comment','Traceback
  "…"
','abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/f5d7e34f86a955e2/7f6a75eaa5a3cb1a',199);
INSERT INTO "attempt" VALUES(4,'c6d333bc65421352',1,'e6fcf6d0fbb0d3fa','lost','2026-11-30 16:37:27.191013','2026-11-30 16:37:27.198831','2026-11-30 16:37:27.199008','host',1,'it''s ''quoted''; -- not a comment','Traceback
  "…"
','abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/c6d333bc65421352/e6fcf6d0fbb0d3fa',199);
INSERT INTO "attempt" VALUES(5,'c6d333bc65421352',2,'3d0dd30e731b130d','cancelled','2026-11-30 16:37:27.199590','2026-11-30 16:37:27.199590','2026-11-30 16:37:27.233408','host',1,'the run was cancelled',NULL,NULL,NULL,'{}',NULL,NULL,'runs/c6d333bc65421352/3d0dd30e731b130d',199);
INSERT INTO "attempt" VALUES(6,'d2380b15261c92a8',1,'4ff187948ea2b06b',NULL,'2026-11-30 16:37:27.235149','2026-11-30 16:37:27.254004',NULL,'host',1,NULL,NULL,NULL,NULL,'{}',NULL,NULL,'runs/d2380b15261c92a8/4ff187948ea2b06b',199);
CREATE TABLE dataset (
	fingerprint TEXT NOT NULL, 
	name TEXT NOT NULL, 
	url TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	n_pixels INTEGER NOT NULL, 
	n_patches INTEGER NOT NULL, 
	n_months INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	licence TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_dataset PRIMARY KEY (fingerprint), 
	CONSTRAINT ck_dataset_kind CHECK (kind IN ('real', 'synthetic')), 
	CONSTRAINT uq_dataset_name UNIQUE (name)
);
INSERT INTO "dataset" VALUES('0123456789abcdef','twin','data/twin.zarr','synthetic',320,12,168,'landlab','MIT','2026-11-30 16:37:26.631069');
INSERT INTO "dataset" VALUES('fedcba9876543210','türme-塔','s3://k:***@b/x','real',164,90,168,'O''Brien','CC BY','2026-11-30 16:37:26.661354');
CREATE TABLE dataset_alias (
	name TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	CONSTRAINT pk_dataset_alias PRIMARY KEY (name), 
	CONSTRAINT fk_dataset_alias_fingerprint FOREIGN KEY(fingerprint) REFERENCES dataset (fingerprint)
);
INSERT INTO "dataset_alias" VALUES('other name','fedcba9876543210');
CREATE TABLE ensemble (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	rule JSON NOT NULL, 
	filter TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_ensemble PRIMARY KEY (id), 
	CONSTRAINT uq_ensemble_name UNIQUE (name)
);
INSERT INTO "ensemble" VALUES('6bc11ed8464453f2','bést','{"keep": 1}','','2026-11-30 16:37:27.269875');
CREATE TABLE epoch (
	run_id TEXT NOT NULL, 
	epoch INTEGER NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	total DOUBLE, 
	total_kind TEXT NOT NULL, 
	dev DOUBLE, 
	dev_kind TEXT NOT NULL, 
	terms JSON NOT NULL, 
	seconds DOUBLE NOT NULL, 
	CONSTRAINT pk_epoch PRIMARY KEY (run_id, epoch), 
	CONSTRAINT ck_epoch_dev_pair CHECK ((dev IS NULL) = (dev_kind = 'nan')), 
	CONSTRAINT ck_epoch_total_pair CHECK ((total IS NULL) = (total_kind = 'nan')), 
	CONSTRAINT ck_epoch_dev_kind CHECK (dev_kind IN ('finite', 'nan', 'inf', '-inf', '-0')), 
	CONSTRAINT ck_epoch_total_kind CHECK (total_kind IN ('finite', 'nan', 'inf', '-inf', '-0')), 
	CONSTRAINT fk_epoch_attempt_id FOREIGN KEY(attempt_id) REFERENCES attempt (id), 
	CONSTRAINT fk_epoch_run_id FOREIGN KEY(run_id) REFERENCES run (run_id)
);
INSERT INTO "epoch" VALUES('c1c4bfc3eca0ab82',1,1,NULL,'nan',NULL,'nan','{"sif": "nan", "lai": 1.0}',0.5);
INSERT INTO "epoch" VALUES('c1c4bfc3eca0ab82',2,1,9e999,'inf',-9e999,'-inf','{"sif": "inf", "lai": 1.0}',0.5);
INSERT INTO "epoch" VALUES('c1c4bfc3eca0ab82',3,1,-9e999,'-inf',9e999,'inf','{"sif": "-inf", "lai": 1.0}',0.5);
INSERT INTO "epoch" VALUES('c1c4bfc3eca0ab82',4,1,0.0,'-0',0.0,'finite','{"sif": -0.0, "lai": 1.0}',0.5);
INSERT INTO "epoch" VALUES('c1c4bfc3eca0ab82',5,1,0.0,'finite',0.0,'-0','{"sif": 0.0, "lai": 1.0}',0.5);
INSERT INTO "epoch" VALUES('c1c4bfc3eca0ab82',6,1,4.94065645841247e-324,'finite',-4.94065645841247e-324,'finite','{"sif": 5e-324, "lai": 1.0}',0.5);
INSERT INTO "epoch" VALUES('c1c4bfc3eca0ab82',7,1,0.1,'finite',-0.1,'finite','{"sif": 0.1, "lai": 1.0}',0.5);
INSERT INTO "epoch" VALUES('d2380b15261c92a8',1,6,1.0,'finite',2.0,'finite','{}',0.5);
CREATE TABLE event (
	id INTEGER NOT NULL, 
	time DATETIME NOT NULL, 
	kind TEXT NOT NULL, 
	run_id TEXT, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_event PRIMARY KEY (id), 
	CONSTRAINT ck_event_kind CHECK (kind IN ('dataset_registered', 'registered', 'claimed', 'ended', 'cancelled', 'retried', 'reclaimed', 'tagged', 'untagged', 'analysis', 'ensemble', 'study', 'trial', 'read_test')), 
	CONSTRAINT fk_event_run_id FOREIGN KEY(run_id) REFERENCES run (run_id)
);
INSERT INTO "event" VALUES(1,'2026-11-30 16:37:26.656178','dataset_registered',NULL,'{"fingerprint": "0123456789abcdef", "name": "twin"}');
INSERT INTO "event" VALUES(2,'2026-11-30 16:37:26.665188','dataset_registered',NULL,'{"fingerprint": "fedcba9876543210", "name": "t\u00fcrme-\u5854"}');
INSERT INTO "event" VALUES(3,'2026-11-30 16:37:26.667726','dataset_registered',NULL,'{"fingerprint": "fedcba9876543210", "name": "other name"}');
INSERT INTO "event" VALUES(4,'2026-11-30 16:37:26.806370','registered',NULL,'{"grid": "g", "added": 6, "existing": 0}');
INSERT INTO "event" VALUES(5,'2026-11-30 16:37:26.839756','registered',NULL,'{"grid": "h", "added": 0, "existing": 3}');
INSERT INTO "event" VALUES(6,'2026-11-30 16:37:26.871718','claimed','c1c4bfc3eca0ab82','{"attempt": 1, "host": "host"}');
INSERT INTO "event" VALUES(7,'2026-11-30 16:37:27.101179','ended','c1c4bfc3eca0ab82','{"attempt": 1, "outcome": "ok", "state": "completed"}');
INSERT INTO "event" VALUES(8,'2026-11-30 16:37:27.103672','claimed','2cb5f123b598c430','{"attempt": 1, "host": "host"}');
INSERT INTO "event" VALUES(9,'2026-11-30 16:37:27.145641','ended','2cb5f123b598c430','{"attempt": 1, "outcome": "nan", "state": "failed"}');
INSERT INTO "event" VALUES(10,'2026-11-30 16:37:27.155442','claimed','f5d7e34f86a955e2','{"attempt": 1, "host": "host"}');
INSERT INTO "event" VALUES(11,'2026-11-30 16:37:27.182979','ended','f5d7e34f86a955e2','{"attempt": 1, "outcome": "oom", "state": "failed"}');
INSERT INTO "event" VALUES(12,'2026-11-30 16:37:27.198079','claimed','c6d333bc65421352','{"attempt": 1, "host": "host"}');
INSERT INTO "event" VALUES(13,'2026-11-30 16:37:27.199391','ended','c6d333bc65421352','{"attempt": 1, "outcome": "lost", "state": "pending"}');
INSERT INTO "event" VALUES(14,'2026-11-30 16:37:27.214667','claimed','c6d333bc65421352','{"attempt": 2, "host": "host"}');
INSERT INTO "event" VALUES(15,'2026-11-30 16:37:27.234619','cancelled','c6d333bc65421352','{}');
INSERT INTO "event" VALUES(16,'2026-11-30 16:37:27.251412','claimed','d2380b15261c92a8','{"attempt": 1, "host": "host"}');
INSERT INTO "event" VALUES(17,'2026-11-30 16:37:27.259486','tagged','c1c4bfc3eca0ab82','{"tag": "paper"}');
INSERT INTO "event" VALUES(18,'2026-11-30 16:37:27.269393','analysis',NULL,'{"id": "aaaaaaaaaaaaaaaa", "name": "skill", "runs": 1}');
INSERT INTO "event" VALUES(19,'2026-11-30 16:37:27.273319','ensemble',NULL,'{"id": "6bc11ed8464453f2", "name": "b\u00e9st", "kept": 1, "candidates": 2}');
INSERT INTO "event" VALUES(20,'2026-11-30 16:37:27.274972','study',NULL,'{"name": "tune"}');
INSERT INTO "event" VALUES(21,'2026-11-30 16:37:27.279976','trial',NULL,'{"study": "tune", "trial": 0, "runs": 2}');
INSERT INTO "event" VALUES(22,'2026-11-30 16:37:27.286875','study',NULL,'{"name": "tune", "trial": 0, "promoted": "tuned"}');
CREATE TABLE grid (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	spec JSON NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_grid PRIMARY KEY (id), 
	CONSTRAINT uq_grid_name UNIQUE (name)
);
INSERT INTO "grid" VALUES(1,'g','{"name": "g", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": [0, 2147483647], "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}, "policies": {"retries": 3, "stall_minutes": 10.0, "members": 1, "cpus": 1.0, "gpus": null, "memory_gb": 0.0}}','2026-11-30 16:37:26.703263');
INSERT INTO "grid" VALUES(2,'h','{"name": "h", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": 1, "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}, "policies": {"retries": 3, "stall_minutes": 10.0, "members": 1, "cpus": 1.0, "gpus": null, "memory_gb": 0.0}}','2026-11-30 16:37:26.807425');
CREATE TABLE grid_run (
	grid_id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	CONSTRAINT pk_grid_run PRIMARY KEY (grid_id, run_id), 
	CONSTRAINT fk_grid_run_grid_id FOREIGN KEY(grid_id) REFERENCES grid (id), 
	CONSTRAINT fk_grid_run_run_id FOREIGN KEY(run_id) REFERENCES run (run_id)
);
INSERT INTO "grid_run" VALUES(1,'c1c4bfc3eca0ab82');
INSERT INTO "grid_run" VALUES(1,'2cb5f123b598c430');
INSERT INTO "grid_run" VALUES(1,'f5d7e34f86a955e2');
INSERT INTO "grid_run" VALUES(1,'c6d333bc65421352');
INSERT INTO "grid_run" VALUES(1,'d2380b15261c92a8');
INSERT INTO "grid_run" VALUES(1,'2ee0e0fac44ca312');
INSERT INTO "grid_run" VALUES(2,'c1c4bfc3eca0ab82');
INSERT INTO "grid_run" VALUES(2,'2cb5f123b598c430');
INSERT INTO "grid_run" VALUES(2,'f5d7e34f86a955e2');
CREATE TABLE landlab_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT landlab_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "landlab_version" VALUES('0005');
CREATE TABLE loss_weights (
	id TEXT NOT NULL, 
	weights JSON NOT NULL, 
	CONSTRAINT pk_loss_weights PRIMARY KEY (id)
);
INSERT INTO "loss_weights" VALUES('0f4911386c06210d','{"sif": 400.0, "lai": 40.0, "biomass": 5e-05, "som": 3e-06, "nbe": 3000.0, "nbe_iav": 10380.0, "fire": 1000.0, "ewt": 0.2, "vod": 100.0, "gpp_fluxnet": 100.0, "reco_fluxnet": 100.0, "et_fluxnet": 100.0, "et_gleam": 1.0, "nee_site": 100.0, "violation": 400.0, "edc": 10.0}');
INSERT INTO "loss_weights" VALUES('70f394dd2cfe42c4','{"lai": 655.496, "som": 3e-06}');
CREATE TABLE member (
	ensemble_id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	rank INTEGER NOT NULL, 
	score DOUBLE, 
	score_kind TEXT NOT NULL, 
	kept BOOLEAN NOT NULL, 
	reason TEXT, 
	CONSTRAINT pk_member PRIMARY KEY (ensemble_id, run_id), 
	CONSTRAINT ck_member_score_pair CHECK ((score IS NULL) = (score_kind = 'nan')), 
	CONSTRAINT ck_member_score_kind CHECK (score_kind IN ('finite', 'nan', 'inf', '-inf', '-0')), 
	CONSTRAINT ck_member_reason CHECK (kept = (reason IS NULL)), 
	CONSTRAINT fk_member_ensemble_id FOREIGN KEY(ensemble_id) REFERENCES ensemble (id), 
	CONSTRAINT fk_member_run_id FOREIGN KEY(run_id) REFERENCES run (run_id)
);
INSERT INTO "member" VALUES('6bc11ed8464453f2','c1c4bfc3eca0ab82',1,0.0,'-0',1,NULL);
INSERT INTO "member" VALUES('6bc11ed8464453f2','c6d333bc65421352',2,NULL,'nan',0,'no skill: ''NaN''');
CREATE TABLE metric (
	run_id TEXT NOT NULL, 
	split TEXT NOT NULL, 
	variable TEXT NOT NULL, 
	statistic TEXT NOT NULL, 
	level TEXT NOT NULL, 
	value DOUBLE, 
	kind TEXT NOT NULL, 
	CONSTRAINT pk_metric PRIMARY KEY (run_id, split, variable, statistic, level), 
	CONSTRAINT ck_metric_value_pair CHECK ((value IS NULL) = (kind = 'nan')), 
	CONSTRAINT ck_metric_kind CHECK (kind IN ('finite', 'nan', 'inf', '-inf', '-0')), 
	CONSTRAINT fk_metric_run_id FOREIGN KEY(run_id) REFERENCES run (run_id)
);
INSERT INTO "metric" VALUES('c1c4bfc3eca0ab82','dev','gpp','s0','flat',NULL,'nan');
INSERT INTO "metric" VALUES('c1c4bfc3eca0ab82','dev','gpp','s1','flat',9e999,'inf');
INSERT INTO "metric" VALUES('c1c4bfc3eca0ab82','dev','gpp','s2','flat',-9e999,'-inf');
INSERT INTO "metric" VALUES('c1c4bfc3eca0ab82','dev','gpp','s3','flat',0.0,'-0');
INSERT INTO "metric" VALUES('c1c4bfc3eca0ab82','dev','gpp','s4','flat',0.0,'finite');
INSERT INTO "metric" VALUES('c1c4bfc3eca0ab82','dev','gpp','s5','flat',4.94065645841247e-324,'finite');
INSERT INTO "metric" VALUES('c1c4bfc3eca0ab82','dev','gpp','s6','flat',0.1,'finite');
CREATE TABLE run (
	run_id TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	dataset TEXT NOT NULL, 
	setup_id TEXT NOT NULL, 
	loss_weights_id TEXT NOT NULL, 
	seed_init INTEGER NOT NULL, 
	seed_split INTEGER NOT NULL, 
	seed_shuffle INTEGER NOT NULL, 
	spec JSON NOT NULL, 
	state TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	updated DATETIME NOT NULL, epochs INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_run PRIMARY KEY (run_id), 
	CONSTRAINT ck_run_state CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled')), 
	CONSTRAINT fk_run_dataset FOREIGN KEY(dataset) REFERENCES dataset (fingerprint), 
	CONSTRAINT fk_run_loss_weights_id FOREIGN KEY(loss_weights_id) REFERENCES loss_weights (id), 
	CONSTRAINT fk_run_setup_id FOREIGN KEY(setup_id) REFERENCES setup (id)
);
INSERT INTO "run" VALUES('c1c4bfc3eca0ab82',1,'0123456789abcdef','addfe79d9c047e38','0f4911386c06210d',0,0,0,'{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}','completed','2026-11-30 16:37:26.703263','2026-11-30 16:37:27.091460',7);
INSERT INTO "run" VALUES('2cb5f123b598c430',2,'0123456789abcdef','398a90d0dea508de','0f4911386c06210d',0,0,0,'{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}','failed','2026-11-30 16:37:26.703263','2026-11-30 16:37:27.145062',0);
INSERT INTO "run" VALUES('f5d7e34f86a955e2',3,'0123456789abcdef','124d74d6179c65ac','0f4911386c06210d',0,0,0,'{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}','failed','2026-11-30 16:37:26.703263','2026-11-30 16:37:27.180001',0);
INSERT INTO "run" VALUES('c6d333bc65421352',4,'0123456789abcdef','addfe79d9c047e38','0f4911386c06210d',2147483647,2147483647,2147483647,'{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}','cancelled','2026-11-30 16:37:26.703263','2026-11-30 16:37:27.229186',0);
INSERT INTO "run" VALUES('d2380b15261c92a8',5,'0123456789abcdef','398a90d0dea508de','0f4911386c06210d',2147483647,2147483647,2147483647,'{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}','running','2026-11-30 16:37:26.703263','2026-11-30 16:37:27.235149',1);
INSERT INTO "run" VALUES('2ee0e0fac44ca312',6,'0123456789abcdef','124d74d6179c65ac','0f4911386c06210d',2147483647,2147483647,2147483647,'{"dataset": "0123456789abcdef", "model": "dalec", "model_version": 1, "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01, "head_scale": 1.0, "head_bias": "ones"}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0, "process_rate": 1.0, "keep": "last"}, "split": {"kind": "patch", "dev_fraction": 0.1, "folds": 5, "fold": null, "regions": null, "box": null, "years": null, "months": null, "warmest": null, "coolest": null}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}','pending','2026-11-30 16:37:26.703263','2026-11-30 16:37:26.703263',0);
CREATE TABLE setup (
	id TEXT NOT NULL, 
	label TEXT NOT NULL, 
	predictors JSON NOT NULL, 
	process JSON NOT NULL, 
	spec JSON NOT NULL, 
	CONSTRAINT pk_setup PRIMARY KEY (id)
);
INSERT INTO "setup" VALUES('addfe79d9c047e38','PFT','["PFT"]','{"water_stress": "nn_paw", "photosynthesis": "acm"}','{"predictors": ["PFT"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO "setup" VALUES('398a90d0dea508de','CLIM','["CLIM"]','{"water_stress": "nn_paw", "photosynthesis": "acm"}','{"predictors": ["CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO "setup" VALUES('124d74d6179c65ac','PFT+CLIM','["PFT", "CLIM"]','{"water_stress": "nn_paw", "photosynthesis": "acm"}','{"predictors": ["PFT", "CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
CREATE TABLE study (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	spec JSON NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_study PRIMARY KEY (id), 
	CONSTRAINT uq_study_name UNIQUE (name)
);
INSERT INTO "study" VALUES(1,'tune','{"trials": 2}','2026-11-30 16:37:27.273750');
CREATE TABLE study_trial (
	study_id INTEGER NOT NULL, 
	trial INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	CONSTRAINT pk_study_trial PRIMARY KEY (study_id, trial, run_id), 
	CONSTRAINT fk_study_trial_run_id FOREIGN KEY(run_id) REFERENCES run (run_id), 
	CONSTRAINT fk_study_trial_study_id FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "study_trial" VALUES(1,0,'c1c4bfc3eca0ab82');
INSERT INTO "study_trial" VALUES(1,0,'c6d333bc65421352');
CREATE TABLE tag (
	run_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_tag PRIMARY KEY (run_id, name), 
	CONSTRAINT fk_tag_run_id FOREIGN KEY(run_id) REFERENCES run (run_id)
);
INSERT INTO "tag" VALUES('c1c4bfc3eca0ab82','paper','2026-11-30 16:37:27.257549');
CREATE TABLE weight_set (
	name TEXT NOT NULL, 
	loss_weights_id TEXT NOT NULL, 
	study_id INTEGER NOT NULL, 
	trial INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_weight_set PRIMARY KEY (name), 
	CONSTRAINT fk_weight_set_loss_weights_id FOREIGN KEY(loss_weights_id) REFERENCES loss_weights (id), 
	CONSTRAINT fk_weight_set_study_id FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "weight_set" VALUES('tuned','70f394dd2cfe42c4',1,0,'2026-11-30 16:37:27.280508');
CREATE INDEX ix_run_dataset ON run (dataset);
CREATE INDEX ix_run_position ON run (position);
CREATE INDEX ix_run_setup_id ON run (setup_id);
CREATE INDEX ix_run_state_position ON run (state, position);
CREATE UNIQUE INDEX uq_attempt_going ON attempt (run_id) WHERE outcome IS NULL;
CREATE INDEX ix_grid_run_run_id ON grid_run (run_id);
CREATE INDEX ix_tag_name ON tag (name);
CREATE INDEX ix_metric_value ON metric (variable, statistic, level, split, value, run_id);
CREATE INDEX ix_analysis_run_run_id ON analysis_run (run_id);
CREATE INDEX ix_event_kind ON event (kind);
CREATE INDEX ix_event_run_id ON event (run_id);
CREATE INDEX ix_member_run_id ON member (run_id);
CREATE INDEX ix_study_trial_run_id ON study_trial (run_id);
CREATE INDEX ix_dataset_alias_fingerprint ON dataset_alias (fingerprint);
COMMIT;
