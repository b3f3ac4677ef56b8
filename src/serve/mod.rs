//! `postern serve`: connects all parts, starts the system threads, and ends the process in
//! order. Only this module, `cli` and `main` know both the network and the service, and only
//! this module starts system threads.
//!
//! At the end the listeners close, the sessions finish their running calls and say goodbye,
//! and the workers end. No call can come after that; the writer carries out the calls that are
//! left, and makes a checkpoint.

mod allocator;
mod disk_reserve;
mod harden;
mod lock;
mod print;
mod sealing;
mod unit;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::call::{
    Caller, DomainWrite, Listener, Metric, OutboundSettings, PublicEndpoints, Request, Shared,
    WebhookSettings,
};
use crate::config::{
    Config, FOLDER_FILES, LAST_CONFIG_FILE, SEALING_FILE, SHARED_DOMAIN_FILE, TOKEN_FILE,
};
use crate::crypto::{OperatorToken, Random, SealingKey};
use crate::dir::{DirHandle, Owner};
use crate::dns::ResolverSettings;
use crate::net::{
    self, Acceptor, Alarm, Bell, BoundListener, Certified, ClientTls, DnsHandle, DnsSockets, Ended,
    EndpointDialer, Hub, HubDialer, SystemClock, TlsListeners, Worker,
};
use crate::service::executors::{
    LANE_THREADS, Router, WorkClock, run_lookup, run_reader, run_writer,
};
use crate::service::outbound::WaysOut;
use crate::service::start::first_start;
use crate::service::upstream::UpstreamWays;
use crate::service::webhook::HookWays;
use crate::service::{
    DiskReserve, Finding, FreeBytes, Reader, SenderLookups, Service, Setup, Writer,
};
use crate::store::{FILE, Folder, LogCopier, Role, SHARED_DOMAIN_ID, Store};
use disk_reserve::ReserveFile;
pub use harden::become_user;
use lock::when_free;
use print::{FirstInbox, Running};
pub use sealing::sealing_key;
pub use unit::{EXAMPLE_CONFIG, unit};

/// Runs the server until SIGTERM or SIGINT. If it cannot go on, the reason is written to
/// standard error and the exit code is not 0.
pub fn serve(config: &Config) -> ExitCode {
    allocator::return_large_blocks();
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("postern: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Checks what a configuration names, and changes nothing: the certificate, the user, the folder.
pub fn check(config: &Config) -> Result<(), String> {
    if let Some((chain, key)) = &config.certificate {
        let own = Some((chain.as_path(), key.as_path()));
        let (host, unknown) = (&config.hostname, config.unknown_sni);
        let unix_ms = SystemClock::new().now().unix_ms;
        net::provide_certificate(&config.data, own, host, unknown, unix_ms)?.load()?;
    }
    harden::known(config.user.as_deref())?;
    match fs::metadata(&config.data) {
        Ok(found) if !found.is_dir() => Err(format!("data = {:?}: is no folder", config.data)),
        _ => Ok(()),
    }
}

fn run(config: &Config) -> Result<(), String> {
    harden::umask();
    start_log(&config.log);
    let user = harden::user_to_become(config.user.as_deref())?;
    let mut folder = Folder::open(&config.data, user).map_err(|error| error.to_string())?;
    // Before the ports: they are in use too when another server runs.
    when_free(|| folder.check_lock())?;
    let opened = open_as_root(config, user, folder.dir());
    let opened = match opened {
        Ok(opened) => opened,
        Err(why) => {
            folder.abandon(&[]);
            return Err(why);
        }
    };
    // Before anything is read or written there: two servers on one folder would destroy it.
    when_free(|| folder.take_lock())?;
    let is_first = !folder.dir().has(FILE);
    match start(config, SystemClock::new(), folder.dir(), opened) {
        Ok(server) => server.serve(folder.dir()),
        Err(why) => {
            // The key of a first start has not been shown, so the folder is of no use.
            if is_first {
                folder.abandon(FOLDER_FILES);
            }
            Err(why)
        }
    }
}

/// What may need the rights of root.
struct OpenedAsRoot {
    listeners: Vec<BoundListener>,
    /// The certificate that the configuration names.
    certificate: Option<(Certified, TlsListeners)>,
}

/// Reads the certificate of the operator, binds the ports, and becomes the user of the
/// configuration. Nothing in the data folder is read or written before that.
fn open_as_root(
    config: &Config,
    user: Option<Owner>,
    data: &DirHandle,
) -> Result<OpenedAsRoot, String> {
    let certificate = match config.certificate {
        Some(_) => Some(provide_certificate(config, SystemClock::new())?),
        None => None,
    };
    let listeners = config
        .listeners
        .iter()
        .map(|&wanted| net::bind(wanted))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    if let Some(user) = user {
        harden::leave_root(user, data)?;
    }
    harden::forbid()?;
    if let Some((certified, _)) = &certificate
        && let Err(error) = certified.load()
    {
        log::warn!("certificates cannot be reloaded after leaving root: {error}");
    }
    Ok(OpenedAsRoot {
        listeners,
        certificate,
    })
}

fn provide_certificate(
    config: &Config,
    clock: SystemClock,
) -> Result<(Certified, TlsListeners), String> {
    let own = config.certificate.as_ref();
    let own = own.map(|(chain, key)| (chain.as_path(), key.as_path()));
    let (host, unknown) = (&config.hostname, config.unknown_sni);
    let unix_ms = clock.now().unix_ms;
    let certified = net::provide_certificate(&config.data, own, host, unknown, unix_ms)?;
    let tls = certified.load()?;
    Ok((certified, tls))
}

/// A server that listens.
struct StartedServer {
    acceptor: Acceptor,
    certified: Certified,
    shared: Arc<Shared>,
    clock: SystemClock,
    service: Arc<Service>,
    hub: Hub,
    names: DnsHandle,
    lookups: Arc<SenderLookups>,
    resolvers: Vec<SocketAddr>,
    workers: Vec<JoinHandle<()>>,
    service_threads: Vec<JoinHandle<()>>,
    running: Running,
}

/// Everything up to the line that says that the server listens.
fn start(
    config: &Config,
    clock: SystemClock,
    folder: &DirHandle,
    opened: OpenedAsRoot,
) -> Result<StartedServer, String> {
    let data = &config.data;
    let descriptors = net::raise_descriptors();
    let unix_ms = clock.now().unix_ms;
    let OpenedAsRoot {
        listeners,
        certificate,
    } = opened;
    let (certified, tls) = match certificate {
        Some(own) => own,
        None => provide_certificate(config, clock)?,
    };
    certified.keep_tickets(folder, unix_ms)?;
    let mut random = Random::system();
    let operator = operator_token(folder, &mut random)?;
    let sealing = sealing_key(folder, &mut random)?;
    let shared = shared(config, &listeners, descriptors);
    watch_certificate(&certified, &shared, unix_ms);
    let (hub, queues) = Hub::new(cores()).map_err(|e| format!("cannot poll: {e}"))?;
    let names = DnsHandle::new(&hub);
    let lookups = Arc::new(SenderLookups::new(Arc::new(names.clone())));
    let outbound = outbound(config, &listeners, &hub, &names, &shared)?;
    let service = service(
        config,
        &shared,
        clock,
        (operator, sealing),
        folder,
        (names.clone(), Arc::clone(&lookups), outbound),
        webhooks(config, &listeners, &hub, &names)?,
    );
    let reserve = ReserveFile::new(folder);
    reserve.delete_if_short();
    let store = open(data, Role::Writer, random.u64())?;
    reserve.keep();
    warn(&service, &store)?;
    keep_settings(config, folder)?;
    let no_shared_keys = (store.dkim_keys(SHARED_DOMAIN_ID))
        .map_err(|error| error.to_string())?
        .is_empty();
    let first = first_inbox(&service, &store)?;
    let running = Running::new(config, &listeners, certified.ca.as_deref(), &shared);
    let acceptor = Acceptor::new(
        listeners,
        tls,
        hub.clone(),
        Arc::clone(&shared),
        clock,
        shared.limits.connections,
    )
    .map_err(|error| format!("cannot poll: {error}"))?;
    let bell = acceptor.bell();

    let (router, mut service_threads) =
        start_service(&service, store, folder, clock, (&hub, &bell), &mut random)?;
    tell_readers(&lookups, router.clone());
    let mut workers = Vec::new();
    let mut dns = Some(DnsSockets::new(
        resolver_settings(&config.resolvers),
        Arc::clone(&shared),
        Random::system(),
    ));
    for (n, queue) in queues.into_iter().enumerate() {
        let router = router.clone();
        let shared = Arc::clone(&shared);
        let submit = Box::new(move |request| router.submit(request).is_ok());
        let mut worker = Worker::new(queue, shared, clock, submit, random.u64());
        if let Some(dns) = dns.take() {
            worker.resolve_names(dns);
        }
        workers.push(start_thread(format!("worker-{n}"), &bell, move || {
            worker
                .run()
                .map_err(|error| format!("a worker cannot poll: {error}"))
        })?);
    }
    let ask = no_shared_keys.then(|| (router.clone(), shared_keys(clock)));
    service_threads.push(start_keys(&service, &bell, ask)?);
    // From here on only the workers can send calls.
    drop(router);

    running.write_file(folder)?;
    log::info!("server started {}", running.summary());
    running.print(first.as_ref());
    Ok(StartedServer {
        acceptor,
        certified,
        shared,
        clock,
        service,
        hub,
        names,
        lookups,
        resolvers: config.resolvers.clone(),
        workers,
        service_threads,
        running,
    })
}

/// The reader of a message is told when the questions about its sender are answered.
fn tell_readers(lookups: &SenderLookups, router: Router) {
    lookups.tell_with(Box::new(move |id| {
        router.answer_lookup(id, Finding::Answer(String::new()));
    }));
}

impl StartedServer {
    /// Serves until a signal or a failure, and ends in order.
    fn serve(mut self, data: &DirHandle) -> Result<(), String> {
        let reload = || {
            self.names.configure(resolver_settings(&self.resolvers));
            let unix_ms = self.clock.now().unix_ms;
            self.certified.renew(unix_ms)?;
            let tls = self.certified.load()?;
            watch_certificate(&self.certified, &self.shared, unix_ms);
            Ok(tls)
        };
        let ended = self
            .acceptor
            .run(reload, || renew(&self.certified, &self.shared, self.clock));
        match &ended {
            Ended::Asked => log::info!("server stopping reason=signal"),
            Ended::Fatal(why) => log::error!("server stopping reason={why:?}"),
        }
        self.service.stop();
        // After a failure nothing can be acknowledged.
        if ended == Ended::Asked {
            let open = self.shared.metrics.value(Metric::ConnectionsOpen);
            self.running.print_stop(open, self.shared.limits.drain_s);
            self.shared.stop();
        }
        self.hub.shutdown();
        let workers = &self.workers;
        (self.acceptor).drain(|| workers.iter().all(JoinHandle::is_finished));
        join(self.workers);
        // The readers end when nothing can bring them work.
        self.lookups.end();
        join(self.service_threads);
        self.running.delete_file(data);
        log::info!("server stopped");
        match ended {
            Ended::Asked => Ok(()),
            Ended::Fatal(why) => Err(why),
        }
    }
}

/// Writes what the command line and a backup need to know of this start: the shared domain and the
/// configuration. What is there already is not written again.
fn keep_settings(config: &Config, folder: &DirHandle) -> Result<(), String> {
    let failed = |name: &str, error| format!("{}: {error}", folder.path().join(name).display());
    let keep = |name: &str, text: &str| match folder.read_text(name) {
        Ok(kept) if kept == text => Ok(()),
        _ => folder
            .write(name, text.as_bytes())
            .map_err(|error| failed(name, error)),
    };
    keep(SHARED_DOMAIN_FILE, &config.domain)?;
    match &config.text {
        Some(text) if text.starts_with(LAST_CONFIG_NOTE) => keep(LAST_CONFIG_FILE, text),
        Some(text) => keep(LAST_CONFIG_FILE, &format!("{LAST_CONFIG_NOTE}{text}")),
        None => folder
            .remove(LAST_CONFIG_FILE)
            .map(drop)
            .map_err(|error| failed(LAST_CONFIG_FILE, error)),
    }
}

fn start_log(level: &str) {
    let mut builder = env_logger::Builder::new();
    let level = level.parse().unwrap_or(log::LevelFilter::Warn);
    // rustls warns of wrong peers; here that is a matter for debugging.
    let libraries = if level == log::LevelFilter::Trace {
        level
    } else {
        level.min(log::LevelFilter::Error)
    };
    builder.filter_level(libraries);
    builder.filter_module("postern", level);
    // A second server in one process, as in a test, uses the log of the first.
    let _ = builder.try_init();
}

fn shared(config: &Config, listeners: &[BoundListener], descriptors: usize) -> Arc<Shared> {
    let port = |listener: Listener| {
        let found = listeners.iter().find(|l| l.listener == listener);
        found.map_or(0, |listener| listener.address.port())
    };
    let mut limits = config.limits.clone();
    limits.lower_to(descriptors, net::memory_mb().unwrap_or(usize::MAX));
    let shared = Shared::new(
        &config.hostname,
        limits,
        PublicEndpoints {
            imap_host: config.hostname.clone(),
            imap_port: port(Listener::Imaps),
            smtp_host: config.hostname.clone(),
            smtp_port: port(Listener::Submissions),
            imap_starttls_port: port(Listener::Imap),
            smtp_starttls_port: port(Listener::Submission),
        },
    );
    let shared = shared.with_inbound(config.inbound);
    let shared = shared.with_filter(config.filter);
    let shared = shared.with_rpc_origins(config.rpc_origins.clone());
    Arc::new(shared.with_upstream(config.upstream.settings))
}

fn service(
    config: &Config,
    shared: &Arc<Shared>,
    clock: SystemClock,
    (operator, sealing): ([u8; 32], Arc<SealingKey>),
    folder: &DirHandle,
    (names, lookups, (outbound, ways_out, ways_upstream)): (
        DnsHandle,
        Arc<SenderLookups>,
        (OutboundSettings, WaysOut, UpstreamWays),
    ),
    webhooks: (WebhookSettings, HookWays),
) -> Arc<Service> {
    Service::new(Setup {
        shared: Arc::clone(shared),
        clock: Arc::new(move || clock.now()),
        free_bytes: free_bytes(folder.clone(), clock),
        shared_domain: config.domain.clone(),
        trust_domains: config.trust_domains,
        operator: Some(operator),
        operator_from: config.operator_from.clone(),
        sealing,
        resolver: Arc::new(names),
        lookups: Some(lookups),
        outbound,
        ways_out: Some(ways_out),
        webhooks: (webhooks.0, Some(webhooks.1)),
        ways_upstream: Some(ways_upstream),
    })
}

/// What a first start has made.
fn first_inbox(service: &Service, store: &Store) -> Result<Option<FirstInbox>, String> {
    let first = first_start(service, store)
        .map_err(|error| format!("cannot make the first organization: {error}"))?;
    Ok(first.map(|made| {
        log::debug!("first start organization={}", made.org);
        FirstInbox {
            inbox: made.inbox.address,
            key: String::from_utf8_lossy(made.key.expose()).into_owned(),
        }
    }))
}

/// Starts the thread that keeps signing keys ready. With the first it asks for those of the shared
/// domain.
fn start_keys(
    service: &Arc<Service>,
    bell: &Bell,
    ask: Option<(Router, Request)>,
) -> Result<JoinHandle<()>, String> {
    let service = Arc::clone(service);
    start_thread("keys".into(), bell, move || {
        let mut random = Random::system();
        service.keys.run(&mut random, move || {
            if let Some((router, request)) = ask {
                // If the writer has ended, the next start asks again.
                let _ = router.submit(request);
            }
        });
        Ok(())
    })
}

/// The call by which the server asks itself for the signing keys of the shared domain.
fn shared_keys(clock: SystemClock) -> Request {
    Request {
        request_id: None,
        depth: 0,
        conn: None,
        peer: core::net::Ipv4Addr::LOCALHOST.into(),
        now: clock.now(),
        caller: Caller::System,
        call: DomainWrite::SharedKeys.into(),
    }
}

/// How mail leaves, and how that of accounts elsewhere comes: the settings, names by the DNS, and
/// connections by the hub.
fn outbound(
    config: &Config,
    listeners: &[BoundListener],
    hub: &Hub,
    names: &DnsHandle,
    shared: &Arc<Shared>,
) -> Result<(OutboundSettings, WaysOut, UpstreamWays), String> {
    let tls = ClientTls::new(config.outbound.ca.as_deref())
        .map_err(|error| format!("outbound.ca: {error}"))?;
    let accounts = ClientTls::new(config.upstream.ca.as_deref())
        .map_err(|error| format!("upstream.ca: {error}"))?;
    let tls = (Arc::new(tls), Arc::new(accounts));
    let dialer = Arc::new(HubDialer::new(hub.clone(), tls, Arc::clone(shared)));
    let resolve = Arc::new(names.clone());
    let ways_upstream = UpstreamWays {
        resolve: Arc::clone(&resolve) as _,
        dialer: Arc::clone(&dialer) as _,
        token_dialer: Arc::clone(&dialer) as _,
    };
    let ways_out = WaysOut { resolve, dialer };
    let mut settings = config.outbound.settings.clone();
    // A host at one of these is this server.
    let mx = listeners
        .iter()
        .filter(|bound| bound.listener == Listener::Mx);
    settings.own = mx.map(|bound| bound.address).collect();
    Ok((settings, ways_out, ways_upstream))
}

/// How webhooks are sent: the settings, names by the DNS, and connections by the hub.
fn webhooks(
    config: &Config,
    listeners: &[BoundListener],
    hub: &Hub,
    names: &DnsHandle,
) -> Result<(WebhookSettings, HookWays), String> {
    let tls = ClientTls::new(config.webhooks.ca.as_deref())
        .map_err(|error| format!("webhooks.ca: {error}"))?;
    let ways = HookWays {
        resolve: Arc::new(names.clone()),
        dialer: Arc::new(EndpointDialer::new(hub.clone(), tls)),
    };
    let mut settings = config.webhooks.settings.clone();
    let rules = &mut settings.rules;
    rules.own = listeners.iter().map(|bound| bound.address).collect();
    rules.own_names = vec![config.hostname.clone(), config.domain.clone()];
    Ok((settings, ways))
}

/// The name servers of the configuration, or those of the system as they are now.
fn resolver_settings(resolvers: &[SocketAddr]) -> ResolverSettings {
    match resolvers {
        [] => match fs::read_to_string(RESOLV_CONF) {
            Ok(text) => ResolverSettings::from_text(&text),
            Err(error) => {
                log::warn!("{RESOLV_CONF}: {error}: names are asked of 127.0.0.1");
                ResolverSettings::of(Vec::new())
            }
        },
        own => ResolverSettings::of(own.to_vec()),
    }
}

/// The free octets of the disk, asked of the file system at most twenty times a second: every
/// message needs them.
fn free_bytes(data: DirHandle, clock: SystemClock) -> FreeBytes {
    let (asked_at, free) = (AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX));
    Arc::new(move || {
        let now = clock.now().mono_ms / 50;
        if asked_at.swap(now, Ordering::Relaxed) != now {
            let known = harden::free_bytes(&data).unwrap_or(u64::MAX);
            free.store(known, Ordering::Relaxed);
        }
        Some(free.load(Ordering::Relaxed))
    })
}

/// Tells the operator what needs a hand.
fn warn(service: &Service, store: &Store) -> Result<(), String> {
    warn_of_waiting_domains(store)?;
    warn_of_lost_secrets(service, store)
}

/// Tells the operator of inboxes that neither receive nor send, as after an upgrade.
fn warn_of_waiting_domains(store: &Store) -> Result<(), String> {
    let waiting = store.waiting_domains_in_use();
    for (org, name) in waiting.map_err(|error| error.to_string())? {
        log::warn!(
            "no mail passes for a domain that is not verified: domain={name} organization={org}; \
             if it is theirs: postern domain trust {name} --org {org}"
        );
    }
    Ok(())
}

/// Tells the operator of secrets that do not open with the key of the data folder.
fn warn_of_lost_secrets(service: &Service, store: &Store) -> Result<(), String> {
    let lost = (store.secrets_of_other_keys(&service.sealing().prefix()))
        .map_err(|error| error.to_string())?;
    service.shared.metrics.set(Metric::SecretsLost, lost);
    if lost > 0 {
        log::error!(
            "{lost} secrets do not open with {SEALING_FILE}: put the file back that was there, or \
             give the passwords of accounts elsewhere again"
        );
    }
    Ok(())
}

fn open(data: &Path, role: Role, seed: u64) -> Result<Store, String> {
    Store::open(data, role, seed)
        .map_err(|error| format!("cannot open the database in {}: {error}", data.display()))
}

/// The operator's token, made on first start. A process that can read its file is the
/// operator's (DECISIONS.md, "Keys and scopes").
fn operator_token(folder: &DirHandle, random: &mut Random) -> Result<[u8; 32], String> {
    let path = folder.path().join(TOKEN_FILE);
    let text = match folder.read_text(TOKEN_FILE) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = OperatorToken::generate(random);
            folder
                .write(TOKEN_FILE, format!("{text}\n").as_bytes())
                .map(|()| text)
        }
        read => read,
    };
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    OperatorToken::hash(text.trim().as_bytes()).ok_or_else(|| {
        format!(
            "{}: not an operator's token: delete the file, and a new one is made",
            path.display()
        )
    })
}

/// Makes our own certificate again when it is time; `None` when it is not, or when it fails.
fn renew(certified: &Certified, shared: &Shared, clock: SystemClock) -> Option<TlsListeners> {
    let unix_ms = clock.now().unix_ms;
    let renewed = match certified.renew(unix_ms) {
        Ok(false) => return None,
        Ok(true) => certified.load(),
        Err(error) => Err(error),
    };
    match renewed {
        Ok(tls) => {
            watch_certificate(certified, shared, unix_ms);
            Some(tls)
        }
        Err(error) => {
            shared.metrics.count(Metric::CertificatesFailed);
            log::error!("the certificate is not renewed, the old one stays: {error}");
            None
        }
    }
}

/// Counts and logs when the certificate that has just been loaded ends.
fn watch_certificate(certified: &Certified, shared: &Shared, unix_ms: i64) {
    let Some(left) = certified.remaining_s(unix_ms) else {
        return;
    };
    let end = unix_ms.div_euclid(1000).saturating_add(left);
    (shared.metrics).set(Metric::CertificateEnds, u64::try_from(end).unwrap_or(0));
    if left < CERTIFICATE_WARN_S {
        match left / 86_400 {
            days if left > 0 => log::warn!("the certificate ends in {days} days"),
            days => log::warn!("the certificate ended {} days ago", -days),
        }
    }
}

/// Starts one writer, one reader for logins and short look-ups, and the other readers. They
/// end when every copy of the router is gone.
fn start_service(
    service: &Arc<Service>,
    store: Store,
    folder: &DirHandle,
    clock: SystemClock,
    (hub, bell): (&Hub, &Bell),
    random: &mut Random,
) -> Result<(Router, Vec<JoinHandle<()>>), String> {
    let (router, inlets) = Router::new(
        Arc::clone(service),
        ((cores() / 2).max(1), LANE_THREADS),
        WorkClock(Arc::new(move || clock.micros())),
    );
    let mut threads = Vec::new();
    let data = folder.path();
    let file = ReserveFile::new(folder);
    let reserve = Box::new(move |what| match what {
        DiskReserve::Give => file.delete(),
        DiskReserve::Keep => {
            file.keep();
            false
        }
    });
    let (copier, inlet) = LogCopier::new(open(data, Role::Reader, random.u64())?);
    let reads = open(data, Role::Reader, random.u64())?;
    threads.push(start_thread("copier".into(), bell, move || {
        inlet.run(&reads);
        Ok(())
    })?);
    let writer = Writer::new(Arc::clone(service))
        .with_reserve(reserve)
        .with_copier(copier);
    let (publish, answer, fatal) = (hub.clone(), hub.clone(), bell.clone());
    threads.push(start_thread("writer".into(), bell, move || {
        run_writer(
            writer,
            &store,
            &inlets.writer,
            |events| publish.publish(events),
            |conn, reply| answer.answer(conn, reply),
            |why| fatal.ring(Alarm::Fatal(why)),
        );
        Ok(())
    })?);
    let (lookup, answer) = (inlets.lookup, hub.clone());
    let store = open(data, Role::Reader, random.u64())?;
    let reader = Reader::new(Arc::clone(service));
    threads.push(start_thread("lookup".into(), bell, move || {
        run_lookup(reader, &store, &lookup, |conn, reply| {
            answer.answer(conn, reply)
        });
        Ok(())
    })?);
    for (n, lane) in inlets.lanes.into_iter().enumerate() {
        // The first thread of a lane has its store from the beginning, so that a store that cannot
        // be opened stops the start. The others open theirs when they are needed.
        let mut first = Some(open(data, Role::Reader, random.u64())?);
        for thread in 0..LANE_THREADS {
            let name = match thread {
                0 => format!("reader-{n}"),
                _ => format!("reader-{n}.{thread}"),
            };
            let (mut store, data, seed) = (first.take(), data.to_owned(), random.u64());
            let open = move || match store.take() {
                Some(store) => Ok(store),
                None => open(&data, Role::Reader, seed),
            };
            let (lane, answer) = (Arc::clone(&lane), hub.clone());
            let reader = Reader::new(Arc::clone(service));
            threads.push(start_thread(name, bell, move || {
                run_reader(&lane, thread, reader, open, |conn, reply| {
                    answer.answer(conn, reply)
                })
            })?);
        }
    }
    Ok((router, threads))
}

/// Starts a system thread. Its failure or panic ends the process: the main thread is told, and
/// stops the others.
fn start_thread(
    name: String,
    bell: &Bell,
    body: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Result<JoinHandle<()>, String> {
    let alarm = PanicAlarm {
        name: name.clone(),
        bell: bell.clone(),
    };
    thread::Builder::new()
        .name(name)
        .spawn(move || {
            let alarm = alarm;
            if let Err(why) = body() {
                alarm.bell.ring(Alarm::Fatal(why));
            }
        })
        .map_err(|error| format!("cannot start a thread: {error}"))
}

/// Tells the main thread of a panic.
struct PanicAlarm {
    name: String,
    bell: Bell,
}

impl Drop for PanicAlarm {
    fn drop(&mut self) {
        if thread::panicking() {
            let why = format!("the thread {} panicked", self.name);
            self.bell.ring(Alarm::Fatal(why));
        }
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        let name = thread.thread().name().unwrap_or_default().to_owned();
        // The main thread knows the reason already.
        if thread.join().is_err() {
            log::error!("{name} ended in a panic");
        }
    }
}

fn cores() -> usize {
    thread::available_parallelism()
        .map_or(1, usize::from)
        .min(WORKERS_MAX)
}

/// Every worker gets every event, so more workers would only copy more.
const WORKERS_MAX: usize = 16;
/// Stands before the copy of the configuration in the data folder.
const LAST_CONFIG_NOTE: &str =
    "# What the server was last started with; a backup carries it. A change here has no effect.\n";
/// The name servers of the system (resolv.conf(5)).
const RESOLV_CONF: &str = "/etc/resolv.conf";
const CERTIFICATE_WARN_S: i64 = 14 * 86_400;
