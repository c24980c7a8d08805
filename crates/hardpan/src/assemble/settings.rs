//! What each part is told of the configuration.
use std::sync::Arc;

use identity::{BreachedRange, Places, RangeService, RoleTerms};
use kernel::{Error, Permissions, Result};

use super::Foundation;
use crate::config::{Config, Profile, Rate, Registration};

impl Foundation {
    /// Every role there is: those that are declared and those that rules ask for, which are declared if any is; and those that want a
    /// second factor.
    fn roles(&self) -> Vec<RoleTerms> {
        let declared = self.declaration.roles.iter().map(|role| RoleTerms {
            name: role.name.clone(),
            description: role.description.clone(),
            permissions: role.permissions,
            requires_mfa: role.requires_mfa,
        });
        let bare = |requires_mfa| {
            move |name| RoleTerms { name, description: None, permissions: Permissions::NONE, requires_mfa }
        };
        let of_rules = self.declaration.roles().into_iter().map(bare(false));
        declared.chain(of_rules).chain(self.config.auth.require_mfa.iter().cloned().map(bare(true))).collect()
    }

    pub(super) fn identity_settings(&self, outbound: &web::Outbound) -> Result<identity::Settings> {
        let auth = &self.config.auth;
        let breached = auth.breached_passwords.as_ref().map(|base| RangeService::new(base, outbound.clone()));
        Ok(identity::Settings {
            public_url: self.config.app.public_url.clone(),
            cors_origins: self.config.cors.origins.clone(),
            app_name: self.config.app.name.clone(),
            registration: match auth.registration {
                Registration::Open => identity::Registration::Open,
                Registration::VerifyFirst => identity::Registration::VerifyFirst,
                Registration::Invite => identity::Registration::Invite,
                Registration::Closed => identity::Registration::Closed,
            },
            access_ttl: auth.access_ttl,
            sessions: identity::Lifetimes { idle: auth.refresh_ttl, most: auth.session_max },
            password_min_length: auth.password_min_length,
            breached_passwords: breached.map(|service| Arc::new(service) as Arc<dyn BreachedRange>),
            places: match &auth.geo_database {
                Some(path) => {
                    Places::open(path).map_err(|fault| Error::internal(format!("auth.geo_database {fault}")))?
                }
                None => Places::default(),
            },
            on_suspicion: auth.on_suspicion,
            tries: self.config.limits.is_enabled.then(|| policy(self.config.limits.account)),
            roles: self.roles(),
            resources: self.declaration.resources.iter().map(|resource| resource.name.clone()).collect(),
            pages: auth.pages.clone(),
            #[cfg(feature = "oidc")]
            oauth: self.oauth(),
        })
    }

    #[cfg(feature = "oidc")]
    fn oauth(&self) -> identity::oauth::Settings {
        let crate::config::Oauth { redirects, providers } = self.config.oauth.clone();
        let provider = |crate::config::Provider { name, place, client_id, client_secret }| {
            identity::oauth::Provider::new(name, place, client_id, client_secret)
        };
        identity::oauth::Settings { providers: providers.into_iter().map(provider).collect(), redirects }
    }

    pub(super) fn web_settings(&self) -> web::Settings {
        let Config { profile, app, server, cors, limits, .. } = &self.config;
        web::Settings {
            local_only: matches!(profile, Profile::Development | Profile::Testing),
            cors_origins: cors.origins.clone(),
            trusted_proxies: server.trusted_proxies.clone(),
            limits: web::Limits {
                enabled: limits.is_enabled,
                address: policy(limits.address),
                principal: policy(limits.principal),
                credentials: policy(limits.credentials),
            },
            body_limit: server.body_limit,
            request_timeout: server.request_timeout,
            ..web::Settings::new(app.public_url.clone())
        }
    }
}

fn policy(rate: Rate) -> web::Policy {
    web::Policy { burst: rate.burst, per_minute: rate.per_minute }
}
