#include "dimse/offer.h"
#include "dicom/dict.h"
#include <stdio.h>
#include <string.h>

#define ALWAYS 2u /* explicit and implicit little endian, for every class */

static bool is_always(const char *syntax)
{
	return strcmp(syntax, UID_EXPLICIT_LE) == 0 || strcmp(syntax, UID_IMPLICIT_LE) == 0;
}

static bool equal(const struct offer_pair *p, const char *abstract, const char *syntax)
{
	return strcmp(p->abstract, abstract) == 0 && strcmp(p->syntax, syntax) == 0;
}

int offer_add(struct offer *p, const char *abstract, const char *syntax, struct err *e)
{
	/* instances come series by series: nearly always it is the pair of the one before */
	if (p->last < p->n && equal(&p->pairs[p->last], abstract, syntax))
		return 0;
	for (p->last = 0; p->last < p->n; p->last++)
		if (equal(&p->pairs[p->last], abstract, syntax))
			return 0;
	if (p->n == OFFER_PAIRS)
		return err_set(e, E_LIMIT, "over %u kinds of instances in one request", OFFER_PAIRS);
	if (p->n == p->room) {
		unsigned room = p->room ? 2 * p->room : 16;
		struct offer_pair *grown = reallocarray(p->pairs, room, sizeof(*grown));

		if (!grown)
			return err_set(e, E_NOMEM, "no memory for the contexts of a C-MOVE");
		p->pairs = grown;
		p->room = room;
	}
	snprintf(p->pairs[p->n].abstract, sizeof(p->pairs->abstract), "%s", abstract);
	snprintf(p->pairs[p->n].syntax, sizeof(p->pairs->syntax), "%s", syntax);
	p->n++;
	return 0;
}

/* Is pair i the first of its class? */
static bool leads(const struct offer *p, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(p->pairs[k].abstract, p->pairs[i].abstract) == 0)
			return false;
	return true;
}

static unsigned contexts_of(const struct offer *p, const char *abstract)
{
	unsigned n = ALWAYS;

	for (unsigned i = 0; i < p->n; i++)
		n += strcmp(p->pairs[i].abstract, abstract) == 0 && !is_always(p->pairs[i].syntax);
	return n < SCU_PROPOSALS ? n : SCU_PROPOSALS;
}

void offer_divide(struct offer *p)
{
	unsigned used = 0;

	p->groups = p->n ? 1 : 0;
	for (unsigned i = 0; i < p->n; i++) {
		unsigned n;

		if (!leads(p, i))
			continue;
		n = contexts_of(p, p->pairs[i].abstract);
		if (used + n > SCU_PROPOSALS) {
			p->groups++;
			used = 0;
		}
		used += n;
		for (unsigned k = i; k < p->n; k++)
			if (strcmp(p->pairs[k].abstract, p->pairs[i].abstract) == 0)
				p->pairs[k].group = p->groups - 1;
	}
}

int offer_group(const struct offer *p, const char *abstract)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->pairs[i].abstract, abstract) == 0)
			return (int)p->pairs[i].group;
	return -1;
}

unsigned offer_proposals(const struct offer *p, unsigned group, struct scu_proposal out[SCU_PROPOSALS])
{
	static const char *const always[ALWAYS] = {UID_EXPLICIT_LE, UID_IMPLICIT_LE};
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++) {
		if (p->pairs[i].group != group || !leads(p, i))
			continue;
		for (unsigned k = 0; k < ALWAYS && n < SCU_PROPOSALS; k++)
			out[n++] = (struct scu_proposal){.abstract = p->pairs[i].abstract, .syntaxes = {always[k]}};
		for (unsigned k = i; k < p->n && n < SCU_PROPOSALS; k++)
			if (strcmp(p->pairs[k].abstract, p->pairs[i].abstract) == 0 && !is_always(p->pairs[k].syntax))
				out[n++] = (struct scu_proposal){.abstract = p->pairs[i].abstract,
								 .syntaxes = {p->pairs[k].syntax}};
	}
	return n;
}

void offer_cleanup(struct offer *p)
{
	free(p->pairs);
	*p = (struct offer){0};
}
