"""load - associations that send until they are done or the node is gone, for tests of what survives."""
import threading
import time

import dul
from objects import CT, image

CTX = [(CT, [dul.EXPLICIT_LE])]
SENDERS = 4


class Load:
    """Some associations that send until the node is gone; what each got an answer for."""

    def __init__(self, node, word, senders=SENDERS, most=40, bulk=None, pause=0):
        self.node, self.word, self.most, self.bulk, self.pause = node, word, most, bulk, pause
        self.sent, self.acknowledged, self.statuses, self.lock = {}, set(), [], threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(k,)) for k in range(senders)]

    def run(self, k):
        try:
            with self.node.associate('COUNTY', CTX, timeout=20) as a:
                for n in range(1, self.most + 1):
                    one = image('%s-%d' % (self.word, k), n, 1 + n // 10, 'P%d' % k, bulk=self.bulk)
                    with self.lock:
                        self.sent[one.uid] = one
                    status = a.store(one.sop_class, one.uid, one.syntax, one.data).status
                    with self.lock:
                        self.statuses.append(status)
                        if status == 0:
                            self.acknowledged.add(one.uid)
                    time.sleep(self.pause)
        except (OSError, dul.Closed, dul.Aborted, dul.Rejected):
            pass

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def join(self):
        for t in self.threads:
            t.join()
        return self
