-- everything that is derived from the packs
DELETE FROM instance;
DELETE FROM series;
DELETE FROM study_modality;
DELETE FROM study_class;
DELETE FROM study;
DELETE FROM patient;
DELETE FROM name_gram;
DELETE FROM name;
DELETE FROM form;
DELETE FROM uid;
DELETE FROM stat_delta;
DELETE FROM quarantine;
DELETE FROM event;
DELETE FROM hold;
DELETE FROM change;
DELETE FROM settled;
DELETE FROM settled_pack;
DELETE FROM settled_extra;
DELETE FROM reclaim;
DELETE FROM settle_job;
UPDATE meta SET value = lower(hex(randomblob(16))) WHERE key = 'feed';
UPDATE meta SET value = '0' WHERE key IN ('through', 'floor', 'refresh_upto', 'settle_noticed')
