//! What mail that deceives or advertises speaks of: threats to an account, haste, prizes, money of
//! the dead. `phrasebook` finds the phrases.

use std::sync::LazyLock;

/// A subject of such mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Bait {
    /// Something is wrong with an account, and the reader is to sign in.
    Account,
    /// There is little time.
    Haste,
    /// Something was won, or costs nothing.
    Prize,
    /// Much money, from a person who is unknown.
    Fortune,
    /// The sender has seen the reader, and wants money.
    Extortion,
    /// Wallets and coins.
    Coins,
    /// A parcel that waits, and a fee.
    Parcel,
    /// A voice message, a fax or a document that needs a login.
    Document,
    /// A bill that the reader does not know, and a number to call.
    Bill,
    /// Medicine and the body.
    Medicine,
    /// Loans and debts.
    Loan,
    /// Money without work.
    Income,
    /// The pleasures of adults.
    Adult,
    /// Mail that speaks of how it was sent.
    Bulk,
    /// Praise of an offer.
    Offer,
    /// A short question of a superior.
    Errand,
}

/// Subjects, each with how often it was met.
#[derive(Debug, Clone, Copy, Default)]
pub struct BaitSet([u8; 16]);

impl BaitSet {
    /// How many phrases of it were found.
    pub fn count(&self, bait: Bait) -> u8 {
        self.0.get(bait as usize).copied().unwrap_or_default()
    }

    /// Whether one was found.
    pub fn has(&self, bait: Bait) -> bool {
        self.count(bait) > 0
    }

    /// Takes those of another text.
    pub fn add(&mut self, other: BaitSet) {
        for (own, others) in self.0.iter_mut().zip(other.0) {
            *own = own.saturating_add(others);
        }
    }
}

/// The subjects of a text, while its phrases are found.
#[derive(Debug, Default)]
pub struct BaitReader {
    found: BaitSet,
    seen: [u64; SEEN_WORDS],
}

impl BaitReader {
    /// Takes a phrase of [`phrases`] that stands in a folded text. It counts once.
    pub fn take(&mut self, text: &str, start: u32, phrase: usize) {
        let before = (start as usize).checked_sub(1);
        let before = before.and_then(|n| text.as_bytes().get(n));
        if before.is_some_and(u8::is_ascii_alphanumeric) {
            return;
        }
        let (Some(bait), Some(word)) = (BAITS.get(phrase), self.seen.get_mut(phrase / 64)) else {
            return;
        };
        if *word & (1 << (phrase % 64)) == 0 {
            *word |= 1 << (phrase % 64);
            if let Some(count) = self.found.0.get_mut(*bait as usize) {
                *count = count.saturating_add(1);
            }
        }
    }

    /// What was met.
    pub fn finish(self) -> BaitSet {
        self.found
    }
}

/// All phrases, folded.
pub fn phrases() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|(_, list)| list.iter().copied())
}

/// Octets of memory of what they speak of.
pub fn bytes() -> usize {
    BAITS.len()
}

/// The subject of each phrase.
static BAITS: LazyLock<Vec<Bait>> = LazyLock::new(|| {
    let each = TABLE
        .iter()
        .flat_map(|(bait, list)| list.iter().map(|_| *bait));
    each.collect()
});

#[rustfmt::skip]
const TABLE: &[(Bait, &[&str])] = &[
    (Bait::Account, &[
        "verify your account", "verify your identity", "verify your email", "verify your information", "confirm your account", "confirm your identity", "confirm your information", "confirm your details", "confirm your password", "update your account", "update your payment", "update your billing", "update your information", "update your details", "validate your", "reactivate your", "re-activate", "restore your account", "restore access", "restore full access", "unlock your account", "keep your account", "keep same password", "keep current password", "keep using", "account has been suspended", "account is suspended", "account was suspended", "account suspended", "account has been locked", "account is locked", "account has been limited", "account is limited", "account limited", "account will be", "account has been restricted", "account is on hold", "account on hold", "temporarily suspended", "temporarily locked", "temporarily restricted", "temporarily limited", "permanently", "will be deactivated", "will be terminated", "will be suspended", "will be closed", "will be disabled", "will be deleted", "unusual activity", "unusual sign", "unusual login", "suspicious activity", "suspicious login", "suspicious sign", "unauthorized access", "unauthorized login", "unauthorized transaction", "unrecognized device", "security alert", "security update", "password expir", "password is about to expire", "password will expire", "password has expired", "password is set to expire", "mailbox is full", "mailbox full", "mailbox is almost full", "mailbox storage", "mailbox quota", "exceeded your", "storage is full", "storage limit", "storage full", "quota exceeded", "pending messages", "pending mails", "pending emails", "undelivered messages", "undelivered mails", "messages on hold", "held messages", "quarantined messages", "release messages", "release your messages", "incoming messages", "failed to deliver", "failed to sync", "webmail upgrade", "upgrade your mailbox", "it helpdesk", "it help desk", "e-mail administrator", "email administrator", "mail administrator", "two-factor", "mfa", "authenticator", "scan the qr", "qr code", "payment was declined", "payment declined", "payment failed", "payment could not be", "billing problem", "billing information", "subscription has expired", "subscription will", "membership has expired", "membership will", "failed to renew", "unable to renew", "unable to process your payment", "kyc", "re-verify", "authentication required", "action required", "review your account", "account verification", "account review", "account notice", "log in to your account", "login to your account", "sign in to your account",
        "konto wurde gesperrt", "konto gesperrt", "konto verifizieren", "konto bestatigen", "daten bestatigen", "daten aktualisieren", "zugang gesperrt", "eingeschrankt", "compte suspendu", "compte bloque", "compte a ete", "confirmer votre", "mettre a jour vos", "mise a jour de vos", "verifier votre", "cuenta suspendida", "cuenta bloqueada", "cuenta ha sido", "verifique su", "actualice su", "confirme su", "conto sospeso", "account sospeso", "aggiorna i tuoi", "verifica il tuo", "conferma i tuoi", "conta suspensa", "conta bloqueada", "atualize seus", "confirme seus", "rekening geblokkeerd", "konto zostalo", "hesabiniz", "аккаунт заблокирован", "подтвердите ваш", "アカウント", "ご確認", "アカウントの", "カード情報", "お支払い方法", "本人確認", "账户异常", "验证您的", "账号",
    ]),
    (Bait::Haste, &[
        "within 24 hours", "within 48 hours", "within 72 hours", "within 12 hours", "within the next 24", "in 24 hours", "24 hours", "48 hours", "immediately", "urgent", "asap", "as soon as possible", "final notice", "final reminder", "final warning", "last warning", "last chance", "last reminder", "act now", "act fast", "act immediately", "expires today", "expires soon", "expiring", "ends today", "ends tonight", "limited time", "time is running", "before it's too late", "before it is too late", "immediate action", "immediate attention", "failure to", "to avoid", "avoid suspension", "avoid interruption", "hurry", "don't wait", "do not delay", "don't delay", "don't miss", "sofort", "umgehend", "innerhalb von 24", "innerhalb von 48", "letzte mahnung", "immediatement", "sous 24", "sous 48", "dans les 24", "inmediat", "en 24 horas", "24 horas", "48 horas", "entro 24", "entro 48", "24 ore", "urgente", "срочно", "24時間", "至急", "24小时",
    ]),
    (Bait::Prize, &[
        "you have won", "you've won", "you are a winner", "you have been selected", "you've been selected", "you were selected", "you've been chosen", "you have been chosen", "congratulations", "claim your", "claim now", "claim it", "redeem your", "reward", "prize", "lottery", "sweepstake", "gift card", "giftcard", "gift voucher", "free gift", "free iphone", "free trial", "exclusive gift", "mystery box", "take our survey", "short survey", "complete the survey", "answer and win", "lucky winner", "bonus", "free spins", "casino", "jackpot", "gewonnen", "gewinn", "gratuit", "ha ganado", "has sido seleccionado", "hai vinto", "voce ganhou", "вы выиграли",
    ]),
    (Bait::Fortune, &[
        "million dollars", "million united states", "million us dollars", "million usd", "million euro", "million pounds", "us$", "usd", "next of kin", "inheritance", "deceased", "late husband", "late client", "my late", "beneficiary", "unclaimed fund", "compensation fund", "compensation payment", "fund transfer", "transfer of fund", "transfer the fund", "transfer this fund", "the sum of", "bank draft", "atm card", "consignment", "trunk box", "barrister", "diplomat", "foreign partner", "business proposal", "mutual benefit", "strictly confidential", "utmost confidence", "private and confidential", "dear friend", "dear beloved", "god bless", "charity", "donation", "donate to you", "widow", "cancer", "oil and gas", "contract sum", "over-invoiced", "reserve bank", "central bank", "western union", "moneygram", "investment partner", "invest in your country", "loan at", "30% of", "percent of the total", "nigeria", "benin", "burkina", "cote d'ivoire", "ivory coast", "south africa", "united nations", "fbi", "imf", "heritier", "heritage de", "fondos", "herencia",
    ]),
    (Bait::Extortion, &[
        "i recorded", "i have recorded", "your webcam", "your camera", "i hacked", "i have hacked", "hacked your", "infected your", "your device was", "your operating system", "trojan", "malware on", "spyware", "pegasus", "masturbat", "adult sites", "porn site", "intimate", "embarrass", "send the video", "your contacts will", "to all your contacts", "to all of your contacts", "bitcoin wallet", "bitcoin address", "btc wallet", "btc address", "my wallet", "after payment", "i will delete", "do not try to", "your secret", "you have 48 hours", "you have 50 hours", "you have 24 hours",
    ]),
    (Bait::Coins, &[
        "wallet", "bitcoin", "btc", "ethereum", "usdt", "crypto", "airdrop", "token sale", "staking", "seed phrase", "recovery phrase", "secret phrase", "ledger live", "metamask", "trust wallet", "blockchain", "mining", "withdrawal of", "coinbase", "binance", "defi", "nft",
    ]),
    (Bait::Parcel, &[
        "your parcel", "your package", "parcel could not", "package could not", "unable to deliver", "delivery failed", "delivery attempt", "failed delivery", "missed delivery", "could not be delivered", "shipment is pending", "pending delivery", "delivery is pending", "on hold at", "customs", "customs fee", "shipping fee", "delivery fee", "redelivery", "reschedule your delivery", "reschedule delivery", "confirm your address", "update your address", "incomplete address", "incorrect address", "warehouse", "ihr paket", "zollgebuhr", "versandkosten", "votre colis", "frais de livraison", "su paquete", "paquete esta", "gastos de envio", "il tuo pacco", "il suo pacco", "spese di", "encomenda", "uw pakket", "paczka", "kargonuz", "посылка", "荷物", "配達", "包裹",
    ]),
    (Bait::Document, &[
        "voicemail", "voice mail", "voice message", "voice note", "new fax", "efax", "missed call", "shared a document", "shared a file", "shared with you", "shared document", "document shared", "review document", "review and sign", "view document", "view the document", "view file", "open document", "access document", "secure document", "secure message", "secured message", "encrypted message", "protected message", "protected document", "completed document", "please docusign", "docusign", "e-sign", "signature required", "signature requested", "remittance", "payment advice", "wire transfer", "ach payment", "swift copy", "proof of payment", "payment slip", "payment copy", "purchase order", "new order", "request for quotation", "rfq", "quotation", "proforma", "overdue invoice", "outstanding invoice", "past due", "invoice attached", "attached invoice", "see attached", "kindly find", "kindly review", "kindly see", "kindly confirm", "payroll", "salary adjustment", "bonus letter", "employee handbook", "benefits enrollment", "open enrollment", "performance review", "hr department", "hr policy", "aktennotiz", "rechnung im anhang", "facture", "en piece jointe", "factura adjunta", "fattura",
    ]),
    (Bait::Bill, &[
        "if you did not authorize", "if you didn't authorize", "did not make this", "didn't make this", "to cancel", "call us", "call our", "toll free", "toll-free", "customer support number", "helpline", "support team at", "contact our billing", "will be charged", "has been charged", "auto-renew", "auto renew", "auto debit", "auto-debit", "renewal", "renewed", "order confirmation", "invoice no", "invoice number", "invoice id", "subscription plan", "1 year", "3 years", "antivirus", "total protection", "geek squad", "refund department", "+1 (", "+1-8", "1-8", "(8",
    ]),
    (Bait::Medicine, &[
        "viagra", "cialis", "levitra", "pharmacy", "prescription", "weight loss", "lose weight", "lose up to", "burn fat", "fat burn", "diet", "slim", "keto", "hgh", "growth hormone", "anti-aging", "anti aging", "aging", "wrinkle", "erection", "penis", "enlarge", "sexual", "libido", "stamina", "herbal", "supplement", "doctor-recommended", "blood sugar", "diabetes", "neuropathy", "tinnitus", "hair loss", "hair growth", "testosterone", "prostate", "cbd", "gummies", "miracle", "cure", "pain relief", "stop smoking", "quit smoking", "vitamins", "all natural",
    ]),
    (Bait::Loan, &[
        "mortgage", "refinanc", "interest rate", "low rate", "lowest rate", "lenders", "home loan", "equity loan", "home equity", "loan approval", "pre-approved", "preapproved", "bad credit", "no credit", "credit report", "credit card", "credit rating", "debt", "consolidat", "bills", "monthly payment", "bankruptcy", "cash advance", "life insurance", "term life", "insurance quote", "insurance rates", "free quote", "save on", "unsecured",
    ]),
    (Bait::Income, &[
        "make money", "making money", "earn money", "earn up to", "earn $", "earn over", "extra income", "residual income", "passive income", "income", "financial freedom", "financially independent", "be your own boss", "your own business", "home based business", "home-based", "home business", "work from home", "work at home", "working from home", "business opportunity", "opportunity", "multi-level", "mlm", "network marketing", "downline", "get rich", "wealth", "millionaire", "investment", "invest", "stock", "shares", "otc", "trading", "profit", "guaranteed income", "per week", "per month", "per day", "a week", "a month", "$$$", "cash", "free money", "grants", "reports", "chain letter", "legal and ethical", "no experience", "part time", "full time", "unlimited", "mailing list", "leads", "join now", "sign up now", "join free",
    ]),
    (Bait::Adult, &[
        "xxx", "porn", "sex", "nude", "naked", "horny", "slut", "teens", "teen", "hot girls", "girls", "singles", "dating", "lonely", "adult", "hardcore", "explicit", "over 18", "18 years", "must be 18", "webcam", "live cam", "hookup", "hook up", "escort", "erotic", "lesbian", "fetish", "orgasm", "women in your", "meet women", "russian women", "chat with me", "my pictures", "my photos", "my pics", "see me",
    ]),
    (Bait::Bulk, &[
        "to be removed", "be removed from", "remove yourself", "remove me", "remove your", "removed from our", "removal", "click here to remove", "click here to unsubscribe", "reply with remove", "with remove in", "\"remove\"", "type remove", "opt-in", "opt in", "opted in", "opted-in", "opt-out", "opt out", "no longer wish to receive", "do not wish to receive", "don't wish to receive", "wish to be removed", "prefer not to receive", "stop receiving", "not spam", "is not spam", "unsolicited", "this email is sent", "this message is sent", "this is not", "one time mailing", "one-time mailing", "one time email", "in compliance with", "compliance with", "section 301", "s. 1618", "s.1618", "bill 1618", "can-spam", "u.s. congress", "cannot be considered", "mailing list", "email address was obtained", "your email address", "you are receiving this", "you received this", "you have received this", "received this email", "affiliate", "partner sites", "our partners", "third party", "third-party", "bulk email", "bulk e-mail", "email marketing", "million email", "email addresses", "targeted",
    ]),
    (Bait::Offer, &[
        "click here", "click below", "click the link", "click on the link", "click this link", "visit our web", "visit our site", "order now", "order today", "buy now", "call now", "call today", "call toll", "apply now", "apply today", "sign up", "get started", "free of charge", "absolutely free", "100% free", "totally free", "completely free", "for free", "free!", "free info", "free sample", "free report", "free access", "free membership", "free shipping", "no cost", "no obligation", "no risk", "risk free", "risk-free", "no strings", "no catch", "no hidden", "no fees", "no purchase", "guarantee", "guaranteed", "100%", "money back", "money-back", "satisfaction", "special offer", "exclusive offer", "amazing", "incredible", "unbelievable", "once in a lifetime", "best price", "lowest price", "low price", "cheap", "discount", "save up to", "save big", "save 50", "% off", "lowest", "only $", "just $", "for only", "retail", "wholesale", "compare", "as seen on", "testimonial", "secret", "proven", "breakthrough", "revolutionary", "instant", "in minutes", "new car", "dvd", "cable", "satellite", "descrambl", "ink cartridge", "toner", "printer", "cell phone", "long distance", "vacation", "travel", "cruise", "diploma", "degree", "university", "rolex", "replica", "software", "cd-rom", "copy dvd", "search engine", "web hosting", "domain name", "seo", "first page", "rank", "traffic to your", "web design", "website design", "guest post", "backlink", "b2b", "manufactur", "supplier", "factory", "high quality", "competitive price",
    ]),
    (Bait::Errand, &[
        "are you available", "are you at your desk", "are you in the office", "are you free", "quick task", "quick favor", "quick favour", "urgent task", "urgent request", "need a favor", "need you to", "need your help", "do me a favor", "i'm in a meeting", "i am in a meeting", "in a meeting right now", "can't talk", "cannot talk", "can't take calls", "cannot take calls", "text me", "your cell", "your mobile", "your phone number", "your whatsapp", "personal number", "send me your", "gift cards", "purchase some", "reimburse", "change my direct deposit", "direct deposit", "change my bank", "update my bank", "new bank account", "new account details", "bank details have changed", "change of bank", "banking details", "keep this between us", "keep it confidential", "let me know once", "sent from my i",
    ]),
];

const SEEN_WORDS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::fold::Folded;
    use crate::judge::phrasebook::FoundPhrases;

    fn read(text: &str) -> BaitSet {
        FoundPhrases::of(text).baits
    }

    #[test]
    fn phrases_are_folded_and_fit() {
        let all: usize = TABLE.iter().map(|(_, list)| list.len()).sum();
        assert!(all <= SEEN_WORDS * 64, "{all}");
        for (bait, list) in TABLE {
            for phrase in *list {
                assert_eq!(Folded::of(phrase).text, phrase.trim(), "{bait:?}");
            }
        }
    }

    #[test]
    fn a_phrase_counts_once() {
        let found = read("act now! act now! within 24 hours your account will be closed");
        assert_eq!(found.count(Bait::Haste), 3);
        assert!(found.has(Bait::Account) && !found.has(Bait::Adult));
        assert!(!read("exact nowhere").has(Bait::Haste));
    }
}
