"""Makes the model that ships, `src/judge/model/start.model`, from mail that is not kept here.

    python3 benches/judgement/own.py OWN
    cargo bench --bench judgement -- --tokens TOKENS INDEX [INDEX ...]
    python3 benches/judgement/train.py TOKENS src/judge/model/start.model
    python3 benches/judgement/train.py TOKENS OUT --until 0.6 --rest REST

The shipped model was made from the train part of Spam-A (1,292 spam, 856 ham and 136 newsletters of
the SpamAssassin public corpus, all before 12 August 2002, cleaned of what its collectors added) and
from 145 mails of our own in 17 languages (codes, receipts, alerts, newsletters, replies, and mail
that talks about prompts and passwords), which stand for the ham of today. Beside them stand 50
unwanted mails of our own, `bad.txt`, and 43 wanted ones in the same form, `wanted.txt`, so that the
form and the language of a mail of today are no proof of either. `unseen.txt` is never learned.

What is kept away from it, because it tells age or place and not what makes mail bad: names and
domains, tokens of fewer than five threads, the tags of pages that stand in plain texts, the words
for days and months, what the collectors wrote into the mail, and the fields of the header that they
changed (Reply-To, and who else got it). The regression shrinks every weight, and the mails of our
own count twice, so that what only marks old mail weighs little. The average over several
orders of the same mail makes the rest steady. The script prints the tokens that weigh most: a leak
of the corpus shows there.

With --until, only that part of Spam-A is learned (the earlier one; whole threads), and half of our
own mails; the ids of the others go to REST, to measure on.  Standard library only.
"""
import argparse, collections, hashlib, json, math, random, struct

BITS = 16
KINDS = "wsz"          # words, words of subjects, form; not names, senders and links
LEAST = 5              # threads, campaigns or newsletters that have a token
EPOCHS, ORDERS = 6, 4
RATE, SHRINK, PACE = 0.5, 1e-3, 0.1
MOST = 3.0             # the largest weight: no word alone decides
OWN = 2                # times that a mail of our own counts
TAGS = set("""a b i u p br hr td tr th table tbody font center div span html body head title meta
 img href src width height align valign border cellpadding cellspacing bgcolor color size face nbsp
 target blank left right middle style script doctype dtd strong em ul ol li blockquote h0 input form
 name value type hidden method action content http-equiv charset iso-0-0 text link vlink alink
 """.split())
DATES = set("""jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june
 july august september october november december mon tue wed thu fri sat sun
 monday tuesday wednesday thursday friday saturday sunday edt est pst pdt cst cdt
 gmt bst ist utc cet cest am pm""".split())
COLLECTED = {"agent", "example", "0", "deathtospamdeathtospamdeathtospam", "sam", "cnet", "cliente"}
# What speaks to a program is judged by rules; our mail about prompts would make it a mark of ham.
TALK = {"ignore", "instructions", "instruction", "prompt", "prompts", "assistant", "system", "previous"}
CHANGED = ("z:reply-to", "z:recipients")


def load(path):
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [r for r in rows if r["label"] != "inject" and r["set"] not in ("control", "own-unseen")]


def usable(name):
    word = name[2:]
    unfit = word in TAGS or word in DATES or word in COLLECTED or word in TALK
    return name[0] in KINDS and not name.startswith(CHANGED) and not (name[0] in "ws" and unfit)


def spread(rows):
    """In how many threads each token stands; a mail of our own is a thread."""
    seen, counts = set(), collections.Counter()
    for row in rows:
        thread = row.get("thread") or row["id"]
        for name, _ in row["tokens"]:
            if (name, thread) not in seen:
                seen.add((name, thread))
                counts[name] += 1
    return counts


def split(rows, until):
    """The rows to learn from, and the others. A thread that began early is early as a whole."""
    old = [r for r in rows if r["set"].startswith("spam-a")]
    own = [r for r in rows if not r["set"].startswith("spam-a")]
    first = {}
    for at, row in enumerate(old):
        first.setdefault((row["set"], row["thread"]), at)
    groups = collections.defaultdict(list)
    for row in old:
        groups[row["set"]].append(row)
    threads = sorted({r.get("thread") or r["id"] for r in own})[::2]
    learn = [r for r in own if (r.get("thread") or r["id"]) in threads]
    rest = [r for r in own if (r.get("thread") or r["id"]) not in threads]
    for name, some in groups.items():
        ats = sorted(first[(name, r["thread"])] for r in some)
        cut = ats[int(len(ats) * until)]
        learn += [r for r in some if first[(name, r["thread"])] < cut]
        rest += [r for r in some if first[(name, r["thread"])] >= cut]
    return learn, rest


def fit(rows, counts, seed):
    """Logistic regression with a rate for each bucket (AdaGrad) and weights that shrink."""
    weights, paces, bias = [0.0] * (1 << BITS), [PACE] * (1 << BITS), 0.0
    mail = []
    for row in rows:
        buckets = sorted({h >> (64 - BITS) for n, h in row["tokens"] if counts[n] >= LEAST and usable(n)})
        size = len(row["tokens"]) + 1
        label = 0.0 if row["label"] == "ham" else 1.0
        mail += [(buckets, 1 / math.sqrt(size), label)] * (1 if row["set"].startswith("spam-a") else OWN)
    chance = random.Random(seed)
    for _ in range(EPOCHS):
        chance.shuffle(mail)
        for buckets, scale, label in mail:
            odds = bias + scale * sum(weights[b] for b in buckets)
            slope = 1 / (1 + math.exp(-max(-30.0, min(30.0, odds)))) - label
            step = slope * scale
            for b in buckets:
                paces[b] += step * step
                weights[b] -= RATE * step / math.sqrt(paces[b]) + SHRINK * weights[b]
            bias -= RATE * 0.05 * slope
    return weights, bias


def store(path, weights, bias):
    scale = max(abs(w) for w in weights) / 127
    octets = struct.pack("%db" % len(weights), *[round(w / scale) for w in weights])
    head = b"PSTM1\0\0\0" + struct.pack("<ff", scale, bias) + hashlib.sha256(octets).digest()[:8]
    with open(path, "wb") as out:
        out.write(head + octets)
    return scale


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokens")
    parser.add_argument("out")
    parser.add_argument("--until", type=float, default=1.0)
    parser.add_argument("--rest")
    options = parser.parse_args()
    rows = load(options.tokens)
    rest = []
    if options.until < 1:
        rows, rest = split(rows, options.until)
    counts = spread(rows)
    runs = [fit(rows, counts, seed) for seed in range(ORDERS)]
    weights = [max(-MOST, min(MOST, sum(column) / ORDERS)) for column in zip(*(w for w, _ in runs))]
    bias = sum(b for _, b in runs) / ORDERS
    scale = store(options.out, weights, bias)
    if options.rest:
        with open(options.rest, "w", encoding="utf-8") as out:
            out.writelines(row["id"] + "\n" for row in rest)
    print("learned from", dict(collections.Counter((r["set"], r["label"]) for r in rows)))
    print("bias %.3f, step %.4f, weights that are not 0: %d" % (bias, scale, sum(round(w / scale) != 0 for w in weights)))
    names = {n: h >> (64 - BITS) for row in rows for n, h in row["tokens"] if counts[n] >= LEAST and usable(n)}
    order = sorted(names, key=lambda n: weights[names[n]])
    for what, some in (("ham", order[:20]), ("spam", order[:-21:-1])):
        print(what + ":", ", ".join("%s %+.2f (%d)" % (n, weights[names[n]], counts[n]) for n in some))


if __name__ == "__main__":
    main()
