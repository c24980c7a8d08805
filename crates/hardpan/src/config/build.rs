//! From values to the typed configuration.
use std::path::Path;

use identity::{OnSuspicion, Pages};
use kernel::Secret;
use platform::notifications::MailUrl;

use super::{
    check::is_origin,
    database_url,
    model::{
        App, Auth, Config, Cors, Database, Limits, Log, LogFormat, Mail, Oauth, Outbound, Provider, Rate, Redis,
        Registration, Server, Sms, Twilio,
    },
    profile::Profile,
    secrets::MasterKeys,
    setting::{Origin, Settings},
};

/// Front ends on a developer's machine.
const DEVELOPMENT_ORIGINS: [&str; 2] = ["http://localhost:3000", "http://localhost:3001"];

/// The configuration; `None` when a value is missing or wrong, which is reported where it was read.
pub fn config(
    profile: Profile,
    dir: &Path,
    settings: &Settings,
    providers: Vec<Provider>,
    master_keys: MasterKeys,
) -> Option<Config> {
    let database = database(dir, settings)?;
    let file = database_url::sqlite_file(database.url.expose(), dir);
    let data_dir = file.and_then(|file| file.parent().map(Path::to_path_buf)).unwrap_or_else(|| dir.join("data"));
    Some(Config {
        profile,
        dir: dir.to_owned(),
        data_dir,
        app: App {
            name: settings.text("app.name")?.to_owned(),
            public_url: settings.text("app.public_url")?.to_owned(),
        },
        server: server(settings)?,
        database,
        redis: Redis { url: secret(settings, "redis.url") },
        cors: Cors { origins: origins(profile, settings.list("cors.origins")?) },
        auth: Auth {
            registration: match settings.text("auth.registration")? {
                "verify_first" => Registration::VerifyFirst,
                "invite" => Registration::Invite,
                "closed" => Registration::Closed,
                _ => Registration::Open,
            },
            access_ttl: settings.duration("auth.access_ttl")?,
            refresh_ttl: settings.duration("auth.refresh_ttl")?,
            session_max: settings.duration("auth.session_max")?,
            require_mfa: settings.list("auth.require_mfa")?.to_vec(),
            password_min_length: settings.int("auth.password_min_length")?,
            breached_passwords: settings.text("auth.breached_passwords").map(str::to_owned),
            geo_database: settings.text("auth.geo_database").map(|path| dir.join(path)),
            on_suspicion: match settings.text("auth.on_suspicion")? {
                "step_up" => OnSuspicion::StepUp,
                _ => OnSuspicion::Tell,
            },
            pages: pages(settings),
        },
        oauth: Oauth { redirects: settings.list("oauth.redirects")?.to_vec(), providers },
        limits: Limits {
            is_enabled: settings.bool("limits.enabled")?,
            address: rate(settings, "limits.address.burst", "limits.address.per_minute")?,
            principal: rate(settings, "limits.principal.burst", "limits.principal.per_minute")?,
            account: rate(settings, "limits.account.burst", "limits.account.per_minute")?,
            credentials: rate(settings, "limits.credentials.burst", "limits.credentials.per_minute")?,
        },
        mail: mail(dir, settings)?,
        sms: sms(settings)?,
        outbound: Outbound { allow: settings.networks("outbound.allow")?.to_vec() },
        log: Log {
            level: settings.text("log.level")?.to_owned(),
            format: match settings.text("log.format")? {
                "json" => LogFormat::Json,
                _ => LogFormat::Text,
            },
        },
        given_master_key: master_keys.current,
        previous_master_key: master_keys.previous,
    })
}

fn server(settings: &Settings) -> Option<Server> {
    Some(Server {
        listen: settings.address("server.listen")?,
        admin_listen: settings.address("server.admin_listen")?,
        is_admin_listen_chosen: settings.origin("server.admin_listen") != Some(&Origin::Default),
        trusted_proxies: settings.networks("server.trusted_proxies")?.to_vec(),
        has_public_docs: settings.text("server.docs")? == "public",
        body_limit: settings.int("server.body_limit")?,
        request_timeout: settings.duration("server.request_timeout")?,
        drain_timeout: settings.duration("server.drain_timeout")?,
        max_connections: settings.int("server.max_connections")?,
    })
}

fn database(dir: &Path, settings: &Settings) -> Option<Database> {
    let url = settings.text("database.url")?;
    let url = match database_url::sqlite_file(url, dir) {
        Some(file) => format!("sqlite:{}", file.display()),
        None => url.to_owned(),
    };
    Some(Database {
        url: Secret::new(url),
        pool_min: settings.int("database.pool.min")?,
        pool_max: settings.int("database.pool.max")?,
        queue: settings.int("database.queue")?,
        wait: settings.duration("database.wait")?,
        statement_timeout: settings.duration("database.statement_timeout")?,
        replicas: settings.list("database.replicas")?.iter().cloned().map(Secret::new).collect(),
        replica_max_lag: settings.duration("database.replica_max_lag")?,
        slow_query: settings.duration("database.slow_query").filter(|threshold| !threshold.is_zero()),
        tls_ca: settings.text("database.tls_ca").map(|path| dir.join(path)),
    })
}

fn pages(settings: &Settings) -> Pages {
    let page = |key: &str| settings.text(key).map(str::to_owned);
    Pages {
        verify: page("auth.pages.verify"),
        reset: page("auth.pages.reset"),
        undo: page("auth.pages.undo"),
        invitation: page("auth.pages.invitation"),
    }
}

fn mail(dir: &Path, settings: &Settings) -> Option<Mail> {
    let path = |key: &str| settings.text(key).map(|path| dir.join(path));
    // What is wrong with it, the rules have reported.
    let url = match MailUrl::parse(settings.text("mail.url")?).ok()? {
        MailUrl::Folder(folder) => MailUrl::Folder(dir.join(folder)),
        other => other,
    };
    let from = settings.text("mail.from").and_then(|text| text.parse().ok());
    Some(Mail { url, from, templates: path("mail.templates"), tls_ca: path("mail.tls_ca") })
}

fn sms(settings: &Settings) -> Option<Sms> {
    let url = settings.text("sms.url")?;
    if url == "log:" {
        return Some(Sms::Log);
    }
    let text = |key: &str| settings.text(key).map(str::to_owned);
    let account = (text("sms.account_sid"), secret(settings, "sms.auth_token"), text("sms.from"));
    let (Some(account_sid), Some(auth_token), Some(from)) = account else { return Some(Sms::None) };
    Some(Sms::Twilio(Twilio { base: url.trim_end_matches('/').to_owned(), account_sid, auth_token, from }))
}

fn origins(profile: Profile, listed: &[String]) -> Vec<String> {
    // Wildcards are reported, and in development ignored; they never reach the edge.
    let mut origins: Vec<String> = listed.iter().filter(|origin| is_origin(origin)).cloned().collect();
    if profile == Profile::Development {
        origins.extend(DEVELOPMENT_ORIGINS.map(str::to_owned));
    }
    origins.sort_unstable();
    origins.dedup();
    origins
}

fn rate(settings: &Settings, burst: &str, per_minute: &str) -> Option<Rate> {
    Some(Rate { burst: settings.int(burst)?, per_minute: settings.int(per_minute)? })
}

fn secret(settings: &Settings, path: &str) -> Option<Secret<String>> {
    settings.text(path).map(|text| Secret::new(text.to_owned()))
}
