use towerhook_core::model::Arn;

/// Where the landing zone is managed from.
#[derive(Debug, Clone)]
pub struct Home {
    /// Control Tower's home Region, which is the Region of this function.
    pub region: String,
}

/// The secret that holds the API key.
#[derive(Debug, Clone)]
pub struct KeySecret(pub Arn);

/// The secret that holds the access token.
#[derive(Debug, Clone)]
pub struct TokenSecret {
    /// The secret.
    pub secret: Arn,
    /// The host that the token is for, as [`towerhook_core::model::host`] tells it.
    pub host: String,
}

/// The name of the ledger's DynamoDB table.
#[derive(Debug, Clone)]
pub struct LedgerTable(pub String);

/// The URL of the account function's queue.
#[derive(Debug, Clone)]
pub struct WorkQueue(pub String);

/// The URL of the queue for what could not be done.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue(pub String);

/// The topic that the account function's queue is subscribed to.
#[derive(Debug, Clone)]
pub struct FanOutTopic(pub Arn);

/// The role that CloudFormation changes the management account's stack with. Without one it uses
/// the permissions of the function, or of the role that the stack was last changed with.
#[derive(Debug, Clone)]
pub struct ManagementStackRole(pub Option<Arn>);

/// The names of the functions that can be invoked.
#[derive(Debug, Clone)]
pub struct FunctionNames {
    /// This function.
    pub own: String,
    /// The auth function, for those that cannot make a token themselves.
    pub auth: Option<String>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $field:ident: $kind:ident,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[$about])* pub $field: $kind,)+
        }

        $(impl AsRef<$kind> for $name {
            fn as_ref(&self) -> &$kind {
                &self.$field
            }
        })+
    )+};
}

settings! {
    /// What the auth function needs: with it, [`crate::Aws`] has `Keys` and `Tokens`.
    AuthSettings {
        /// Where the key is read.
        key: KeySecret,
        /// Where the token is kept.
        token: TokenSecret,
    }

    /// What the account function needs: with it, [`crate::Aws`] has all `AccountPorts`, `Tokens`
    /// and `Functions`.
    AccountSettings {
        /// Where the landing zone is managed from.
        home: Home,
        /// Where the token is kept.
        token: TokenSecret,
        /// The ledger.
        ledger: LedgerTable,
        /// Its own queue, for revisits.
        queue: WorkQueue,
        /// Where it sets aside what ends every pass.
        dead_letters: DeadLetterQueue,
        /// Itself, and the auth function.
        functions: FunctionNames,
    }

    /// What the setup function needs: with it, [`crate::Aws`] has all `SetupPorts`.
    SetupSettings {
        /// Where the landing zone is managed from.
        home: Home,
        /// Where the key is read.
        key: KeySecret,
        /// Where the token is kept.
        token: TokenSecret,
        /// The ledger.
        ledger: LedgerTable,
        /// Where it fans out.
        topic: FanOutTopic,
        /// Itself, for a continuation.
        functions: FunctionNames,
        /// The role of the management account's stack.
        management_stack_role: ManagementStackRole,
    }
}
