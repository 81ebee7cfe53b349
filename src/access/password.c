#include "access/password.h"
#include "base/text.h"
#include "base/utf8.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t turn;
	unsigned running, waiting;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER};

static int gate_enter(struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&gate.lock);
	if (gate.running >= PASSWORD_AT_ONCE && gate.waiting >= PASSWORD_WAITING) {
		rc = err_set(e, E_BUSY, "too many are logging in just now: try again");
	} else {
		gate.waiting++;
		while (gate.running >= PASSWORD_AT_ONCE)
			pthread_cond_wait(&gate.turn, &gate.lock);
		gate.waiting--;
		gate.running++;
	}
	pthread_mutex_unlock(&gate.lock);
	return rc;
}

static void gate_leave(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.running--;
	pthread_cond_signal(&gate.turn);
	pthread_mutex_unlock(&gate.lock);
}

int password_policy(const char *name, const char *password, struct err *e)
{
	const uint8_t *s = (const uint8_t *)password;
	size_t left = strlen(password), characters = 0;

	if (left > PASSWORD_MOST || !text_valid(password, left))
		return err_set(e, E_INVAL, "a password is UTF-8 text of at most %u bytes", PASSWORD_MOST);
	for (size_t n; left > 0; s += n, left -= n, characters++) {
		uint32_t c;

		n = utf8_next(s, left, &c);
		n = n ? n : 1;
	}
	if (characters < PASSWORD_LEAST)
		return err_set(e, E_INVAL, "a password has at least %u characters", PASSWORD_LEAST);
	if (strcasecmp(name, password) == 0)
		return err_set(e, E_INVAL, "a password is not the name");
	if (strspn(password, (const char[]){password[0], '\0'}) == strlen(password))
		return err_set(e, E_INVAL, "a password is not one character again and again");
	return 0;
}

int password_hash(const char *password, char out[PASSWORD_PROOF], struct err *e)
{
	int rc = gate_enter(e);

	_Static_assert(PASSWORD_PROOF == crypto_pwhash_STRBYTES, "the length that libsodium writes");
	if (rc < 0)
		return rc;
	if (sodium_init() < 0 || crypto_pwhash_str(out, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
						   crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
		rc = err_set(e, E_NOMEM, "no memory for a password's digest");
	gate_leave();
	return rc;
}

int password_check(const char *proof, const char *password, struct err *e)
{
	/* of the same cost as a real one; nothing is known that leads to it */
	static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$dGVsZXJlYWQtbm9ib2R5IQ$"
				     "bm9ib2R5LWhhcy10aGlzLXBhc3N3b3JkLS0tLS0tLS0";
	char text[PASSWORD_PROOF] = "";
	int rc;

	if (strlen(password) > PASSWORD_MOST)
		password = "";
	strncpy(text, proof ? proof : nobody, sizeof text - 1);
	if ((rc = gate_enter(e)) < 0)
		return rc;
	rc = sodium_init() >= 0 && crypto_pwhash_str_verify(text, password, strlen(password)) == 0;
	gate_leave();
	return proof ? rc : 0;
}

void password_random(char out[PASSWORD_RANDOM])
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";

	for (unsigned i = 0; i < PASSWORD_RANDOM - 1; i++)
		out[i] = (char)(i % 5 == 4 ? '-' : letters[randombytes_uniform(sizeof letters - 1)]);
	out[PASSWORD_RANDOM - 1] = '\0';
}
