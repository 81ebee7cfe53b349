/* archive/packer.h - the shared intake packs: places for records, zeros written ahead, sealing.
 *
 * A place is reserved in order of sequence number; its record is written by whoever reserved it, synced by the
 * committer. While nothing is taken in, a helper thread writes zeros ahead of the tail, so that a sync of new records
 * touches no file-system metadata: up to the configured most, and never more than a small part of the free space.
 * Threads:  all are safe from any thread.
 */
#ifndef ARCHIVE_PACKER_H
#define ARCHIVE_PACKER_H

#include "archive/pack.h"
#include "base/config.h"

struct packer;
struct open_pack; /* a shared pack being written */

/* first_pack: the lowest pack id that was never used. */
int packer_open(struct blob_store *s, const struct config *c, uint64_t first_pack, struct packer **out, struct err *e);
/* Seals what is open, removes what was only written ahead, ends the thread. Returns the lowest unused pack id. */
uint64_t packer_close(struct packer *p);

/* Reserves a place of n bytes (a multiple of PACK_BLOCK). *pack stays valid until packer_done. */
int packer_reserve(struct packer *p, uint64_t n, struct open_pack **pack, uint64_t *at, struct err *e);
int packer_write(struct open_pack *pack, const void *data, size_t n, uint64_t at, struct err *e);
/* Tries to leave zeros where a record's header stands or half stands: it was given up. */
void packer_blank(struct open_pack *pack, uint64_t at);
uint64_t open_pack_id(const struct open_pack *pack);
/* Makes everything written so far durable. After a failure the pack is bad for good: what is in it and not yet
 * acknowledged must fail, and new places come from another pack. */
int packer_sync(struct packer *p, struct open_pack *pack, struct err *e);
bool packer_is_bad(struct packer *p, const struct open_pack *pack);
/* The record is committed or given up: the last one out seals a full pack. */
void packer_done(struct packer *p, struct open_pack *pack);
/* A pack id for a pack of its own, open until it is given back: its record is committed, or gone. */
int packer_take_id(struct packer *p, uint64_t *id, struct err *e);
void packer_give_id(struct packer *p, uint64_t id);
/* The lowest id of a pack that may still hold records without index rows. */
uint64_t packer_floor(struct packer *p);
/* Gives back what was written ahead (the disk is nearly full). */
void packer_shrink(struct packer *p);
#endif
