BEGIN TRANSACTION;
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
INSERT INTO "attempt" VALUES(1,'c1c4bfc3eca0ab82',1,'ad3050ee8a8c1143','ok','2026-11-21 10:52:23.963238','2026-11-21 10:52:23.987193','2026-11-21 10:52:23.988148','host',1,NULL,NULL,'abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/c1c4bfc3eca0ab82/ad3050ee8a8c1143',199);
INSERT INTO "attempt" VALUES(2,'2cb5f123b598c430',1,'049695c2d54dd0f5','nan','2026-11-21 10:52:23.989579','2026-11-21 10:52:23.991359','2026-11-21 10:52:23.991481','host',1,'it''s ''quoted''; -- not a comment','Traceback
  "…"
','abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/2cb5f123b598c430/049695c2d54dd0f5',199);
INSERT INTO "attempt" VALUES(3,'f5d7e34f86a955e2',1,'2f164a872b224f1c','oom','2026-11-21 10:52:23.991875','2026-11-21 10:52:23.993545','2026-11-21 10:52:23.993666','host',1,'it''s ''quoted''; -- not a comment','Traceback
  "…"
','abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/f5d7e34f86a955e2/2f164a872b224f1c',199);
INSERT INTO "attempt" VALUES(4,'c6d333bc65421352',1,'39673252c5c02f3d','lost','2026-11-21 10:52:23.994060','2026-11-21 10:52:23.995437','2026-11-21 10:52:23.995547','host',1,'it''s ''quoted''; -- not a comment','Traceback
  "…"
','abc','dddddddddddddddd','{"jax": "0.10.2"}','cpu','1 lane, β','runs/c6d333bc65421352/39673252c5c02f3d',199);
INSERT INTO "attempt" VALUES(5,'c6d333bc65421352',2,'a333ac6874578b6c','cancelled','2026-11-21 10:52:23.995932','2026-11-21 10:52:23.995932','2026-11-21 10:52:23.998469','host',1,'the run was cancelled',NULL,NULL,NULL,'{}',NULL,NULL,'runs/c6d333bc65421352/a333ac6874578b6c',199);
INSERT INTO "attempt" VALUES(6,'d2380b15261c92a8',1,'b99750f89cc6c7ce',NULL,'2026-11-21 10:52:23.999040','2026-11-21 10:52:24.000604',NULL,'host',1,NULL,NULL,NULL,NULL,'{}',NULL,NULL,'runs/d2380b15261c92a8/b99750f89cc6c7ce',199);
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
INSERT INTO "dataset" VALUES('0123456789abcdef','twin','data/twin.zarr','synthetic',320,12,168,'landlab','MIT','2026-11-21 10:52:23.935050');
INSERT INTO "dataset" VALUES('fedcba9876543210','türme-塔','s3://k:***@b/x','real',164,90,168,'O''Brien','CC BY','2026-11-21 10:52:23.952686');
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
CREATE TABLE grid (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	spec JSON NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_grid PRIMARY KEY (id), 
	CONSTRAINT uq_grid_name UNIQUE (name)
);
INSERT INTO "grid" VALUES(1,'g','{"name": "g", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": [0, 2147483647], "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}}','2026-11-21 10:52:23.955047');
INSERT INTO "grid" VALUES(2,'h','{"name": "h", "dataset": "twin", "factorial": ["PFT", "CLIM"], "setups": [], "axes": {}, "seeds": 1, "base": {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}}','2026-11-21 10:52:23.961801');
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
INSERT INTO "landlab_version" VALUES('0001');
CREATE TABLE loss_weights (
	id TEXT NOT NULL, 
	weights JSON NOT NULL, 
	CONSTRAINT pk_loss_weights PRIMARY KEY (id)
);
INSERT INTO "loss_weights" VALUES('0f4911386c06210d','{"sif": 400.0, "lai": 40.0, "biomass": 5e-05, "som": 3e-06, "nbe": 3000.0, "nbe_iav": 10380.0, "fire": 1000.0, "ewt": 0.2, "vod": 100.0, "gpp_fluxnet": 100.0, "reco_fluxnet": 100.0, "et_fluxnet": 100.0, "et_gleam": 1.0, "nee_site": 100.0, "violation": 400.0, "edc": 10.0}');
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
	updated DATETIME NOT NULL, 
	CONSTRAINT pk_run PRIMARY KEY (run_id), 
	CONSTRAINT ck_run_state CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled')), 
	CONSTRAINT fk_run_dataset FOREIGN KEY(dataset) REFERENCES dataset (fingerprint), 
	CONSTRAINT fk_run_loss_weights_id FOREIGN KEY(loss_weights_id) REFERENCES loss_weights (id), 
	CONSTRAINT fk_run_setup_id FOREIGN KEY(setup_id) REFERENCES setup (id)
);
INSERT INTO "run" VALUES('c1c4bfc3eca0ab82',1,'0123456789abcdef','addfe79d9c047e38','0f4911386c06210d',0,0,0,'{"dataset": "0123456789abcdef", "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}','completed','2026-11-21 10:52:23.955047','2026-11-21 10:52:23.988148');
INSERT INTO "run" VALUES('2cb5f123b598c430',2,'0123456789abcdef','398a90d0dea508de','0f4911386c06210d',0,0,0,'{"dataset": "0123456789abcdef", "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}','failed','2026-11-21 10:52:23.955047','2026-11-21 10:52:23.991481');
INSERT INTO "run" VALUES('f5d7e34f86a955e2',3,'0123456789abcdef','124d74d6179c65ac','0f4911386c06210d',0,0,0,'{"dataset": "0123456789abcdef", "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 0, "split": 0, "shuffle": 0}, "warmup_months": 24, "science_version": 1}','failed','2026-11-21 10:52:23.955047','2026-11-21 10:52:23.993666');
INSERT INTO "run" VALUES('c6d333bc65421352',4,'0123456789abcdef','addfe79d9c047e38','0f4911386c06210d',2147483647,2147483647,2147483647,'{"dataset": "0123456789abcdef", "predictors": ["PFT"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}','cancelled','2026-11-21 10:52:23.955047','2026-11-21 10:52:23.997604');
INSERT INTO "run" VALUES('d2380b15261c92a8',5,'0123456789abcdef','398a90d0dea508de','0f4911386c06210d',2147483647,2147483647,2147483647,'{"dataset": "0123456789abcdef", "predictors": ["CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}','running','2026-11-21 10:52:23.955047','2026-11-21 10:52:23.999040');
INSERT INTO "run" VALUES('2ee0e0fac44ca312',6,'0123456789abcdef','124d74d6179c65ac','0f4911386c06210d',2147483647,2147483647,2147483647,'{"dataset": "0123456789abcdef", "predictors": ["PFT", "CLIM"], "streams": null, "loss_weights": {"lai": 40.0}, "process": {"water_stress": "nn_paw"}, "network": {"hidden": [32, 32, 32], "negative_slope": 0.01}, "optimizer": {"learning_rate": 0.0005, "epochs": 199, "patches_per_batch": 1, "weight_decay": 0.0, "clip_norm": 0.0}, "split": {"kind": "patch", "dev_fraction": 0.1}, "seeds": {"init": 2147483647, "split": 2147483647, "shuffle": 2147483647}, "warmup_months": 24, "science_version": 1}','pending','2026-11-21 10:52:23.955047','2026-11-21 10:52:23.955047');
CREATE TABLE setup (
	id TEXT NOT NULL, 
	label TEXT NOT NULL, 
	predictors JSON NOT NULL, 
	process JSON NOT NULL, 
	spec JSON NOT NULL, 
	CONSTRAINT pk_setup PRIMARY KEY (id)
);
INSERT INTO "setup" VALUES('addfe79d9c047e38','PFT','["PFT"]','{"water_stress": "nn_paw"}','{"predictors": ["PFT"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO "setup" VALUES('398a90d0dea508de','CLIM','["CLIM"]','{"water_stress": "nn_paw"}','{"predictors": ["CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
INSERT INTO "setup" VALUES('124d74d6179c65ac','PFT+CLIM','["PFT", "CLIM"]','{"water_stress": "nn_paw"}','{"predictors": ["PFT", "CLIM"], "process": {"water_stress": "nn_paw"}, "science_version": 1}');
CREATE INDEX ix_run_dataset ON run (dataset);
CREATE INDEX ix_run_position ON run (position);
CREATE INDEX ix_run_setup_id ON run (setup_id);
CREATE INDEX ix_run_state_position ON run (state, position);
CREATE UNIQUE INDEX uq_attempt_going ON attempt (run_id) WHERE outcome IS NULL;
CREATE INDEX ix_grid_run_run_id ON grid_run (run_id);
COMMIT;
