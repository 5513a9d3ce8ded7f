use towerhook_core::model::Arn;

/// The location of the landing zone.
#[derive(Debug, Clone)]
pub struct Home {
    /// Control Tower's home Region, which is also this function's.
    pub region: String,
}

/// The secret that holds the API key, if the vendor has one.
#[derive(Debug, Clone)]
pub struct KeySecret(pub Option<Arn>);

/// The secret that holds the access token.
#[derive(Debug, Clone)]
pub struct TokenSecret {
    /// The secret, if the vendor has tokens.
    pub secret: Option<Arn>,
    /// The host that the token is for, as returned by [`towerhook_core::model::host`].
    pub host: String,
}

/// The name of the ledger's DynamoDB table.
#[derive(Debug, Clone)]
pub struct LedgerTable(pub String);

/// The URL of the account function's queue.
#[derive(Debug, Clone)]
pub struct WorkQueue(pub String);

/// The URL of the dead-letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue(pub String);

/// The topic that the account function's queue is subscribed to.
#[derive(Debug, Clone)]
pub struct FanOutTopic(pub Arn);

/// The role that CloudFormation uses for the management account's stack. Without one it uses the
/// permissions of the function, or of the role used for the stack's last change.
#[derive(Debug, Clone)]
pub struct ManagementStackRole(pub Option<Arn>);

/// The names of the functions that can be invoked.
#[derive(Debug, Clone)]
pub struct FunctionNames {
    /// This function.
    pub own: String,
    /// The auth function, for functions that cannot create a token themselves.
    pub auth: Option<String>,
}

/// The bucket for evidence, and the folder in it.
#[derive(Debug, Clone)]
pub struct EvidenceBucket {
    /// The bucket's name, if evidence is kept.
    pub name: Option<String>,
    /// The folder: the stack's name.
    pub folder: String,
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
    /// The auth function's settings: with them, [`crate::Aws`] implements `Keys` and `Tokens`.
    AuthSettings {
        /// Where the key is stored.
        key: KeySecret,
        /// Where the token is stored.
        token: TokenSecret,
    }

    /// The account function's settings: with them, [`crate::Aws`] implements all `AccountPorts`,
    /// `Tokens` and `Functions`.
    AccountSettings {
        /// The location of the landing zone.
        home: Home,
        /// Where the token is stored.
        token: TokenSecret,
        /// The ledger.
        ledger: LedgerTable,
        /// Its own queue, for revisits.
        queue: WorkQueue,
        /// The dead-letter queue, for messages that end every pass.
        dead_letters: DeadLetterQueue,
        /// This function, and the auth function.
        functions: FunctionNames,
        /// Where evidence is kept.
        evidence: EvidenceBucket,
    }

    /// The settings of a command that follows a launch: with them, [`crate::Aws`] implements
    /// `StackSetReads` and `LedgerReads`.
    WatchSettings {
        /// The location of the landing zone.
        home: Home,
        /// The ledger.
        ledger: LedgerTable,
    }

    /// The setup function's settings: with them, [`crate::Aws`] implements all `SetupPorts`.
    SetupSettings {
        /// The location of the landing zone.
        home: Home,
        /// Where the key is stored.
        key: KeySecret,
        /// Where the token is stored.
        token: TokenSecret,
        /// The ledger.
        ledger: LedgerTable,
        /// The fan-out topic.
        topic: FanOutTopic,
        /// This function, for continuations.
        functions: FunctionNames,
        /// The role of the management account's stack.
        management_stack_role: ManagementStackRole,
    }
}
