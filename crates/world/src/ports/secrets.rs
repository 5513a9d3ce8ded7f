use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    ErrorKind, Result,
    model::{ApiKey, SecretText, Token},
    ports::{ForeignResources, Functions, Keys, TokenIssuer, TokenReads, TokenWrites},
    token,
};

use super::Ports;
use crate::{World, faults::error};

/// The prefix of every secret in the world, and of nothing else.
pub const CANARY: &str = "canary-";

impl Keys for Ports {
    async fn key(&self) -> Result<ApiKey> {
        self.call("secretsmanager:GetSecretValue", |state, _| {
            let version = format!("v{}", state.secrets.key_version);
            Ok(ApiKey {
                key_id: "ACME_KEY".into(),
                secret: format!("{CANARY}key-{version}").into(),
                version,
            })
        })
        .await
    }
}

impl ForeignResources for Ports {
    async fn rule_exists(&self, name: &str) -> Result<bool> {
        self.call("events:DescribeRule", |state, _| {
            Ok(state.foreign_resources.contains(name))
        })
        .await
    }

    async fn secret_exists(&self, arn: &str) -> Result<bool> {
        self.call("secretsmanager:DescribeSecret", |state, _| {
            let name = arn.rsplit(':').next().unwrap_or_default();
            Ok(state.foreign_resources.contains(name))
        })
        .await
    }
}

impl TokenReads for Ports {
    async fn token(&self) -> Result<Option<Token>> {
        self.call("secretsmanager:GetSecretValue", |state, _| {
            Ok(state.secrets.token.clone())
        })
        .await
    }
}

impl TokenWrites for Ports {
    async fn store_token(&self, token: &Token) -> Result<()> {
        self.call("secretsmanager:PutSecretValue", |state, _| {
            state.secrets.token = Some(token.clone());
            Ok(())
        })
        .await
    }
}

impl TokenIssuer for Ports {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        let by_auth = self.caller.name == "auth";
        self.call("registry:CreateToken", |state, at| {
            if self.caller.host != state.options.vendor.host() {
                // auth does not read the ledger: the address comes with the key.
                if !by_auth {
                    self.require_host(state, at, "registry:CreateToken");
                }
                return Err(error("registry:CreateToken", ErrorKind::Unauthorized));
            }
            let current = format!("v{}", state.secrets.key_version);
            if !state.secrets.key_works || key.version != current {
                return Err(error("registry:CreateToken", ErrorKind::Unauthorized));
            }
            state.secrets.tokens += 1;
            let text = format!("{CANARY}token-{}", state.secrets.tokens);
            let expires_at = now + state.options.vendor.provider().limits().token_lifetime;
            state.secrets.issued.insert(text.clone(), expires_at);
            Ok(Token {
                token: text.into(),
                expires_at,
                key_version: key.version.clone(),
            })
        })
        .await
    }
}

impl Ports {
    /// What the auth function does.
    async fn renew(&self, occasion: token::Occasion) -> Result<bool> {
        let vendor = self.world.state().options.vendor;
        let provider = vendor.provider();
        let (lifetime, credential) = (provider.limits().token_lifetime, provider.credential());
        let checked = token::renew(self, self, credential, occasion, lifetime, self.now()).await?;
        Ok(checked.renewed)
    }
}

impl Functions for Ports {
    async fn refresh_token(&self) -> Result<()> {
        let auth = Self::new(&self.world, "auth");
        let refreshed = auth.renew(token::Occasion::Refused).await;
        self.call("lambda:Invoke", |_, _| match refreshed {
            Ok(_) => Ok(()),
            Err(_) => Err(error("lambda:Invoke", ErrorKind::Unavailable)),
        })
        .await
    }

    async fn continue_with(&self, payload: &SecretText) -> Result<()> {
        self.call("lambda:Invoke", |state, now| {
            let payload = serde_json::from_str(payload.expose()).expect("an event is JSON");
            state.say(now, || format!("{} hands over", self.caller.name));
            self.world.invoke_setup(payload);
            Ok(())
        })
        .await
    }
}

/// The auth function on its schedule.
pub(crate) async fn keep_fresh(world: World) {
    loop {
        world
            .simulation()
            .sleep(std::time::Duration::from_secs(7200))
            .await;
        let auth = Ports::new(&world, "auth");
        // A failure is retried in two hours, or when a token is refused.
        let _ = auth.renew(token::Occasion::Schedule).await;
    }
}

impl Ports {
    /// A token that the SaaS accepts, from the same places as the SaaS's client: the one in use,
    /// else the stored one, else a new one.
    pub(super) async fn bearer(&self, operation: &'static str) -> Result<()> {
        for tries in 0..2 {
            let known = self.caller.token.borrow().clone();
            let text = match known {
                Some(text) => text,
                None => {
                    let stored = TokenReads::token(self).await?;
                    let Some(token) = stored else {
                        self.refresh_token().await?;
                        continue;
                    };
                    let text = token.token.expose().to_owned();
                    *self.caller.token.borrow_mut() = Some(text.clone());
                    text
                }
            };
            let now = self.now();
            let works = {
                let state = self.world.state();
                let ends = state.secrets.issued.get(&text);
                ends.is_some_and(|ends| *ends > now + SignedDuration::from_secs(1))
            };
            if works {
                return Ok(());
            }
            *self.caller.token.borrow_mut() = None;
            if tries == 0 {
                self.refresh_token().await?;
            }
        }
        Err(error(operation, ErrorKind::Unauthorized))
    }
}
