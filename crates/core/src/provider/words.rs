/// A vendor's words, for an administrator.
#[derive(Debug)]
pub struct Words {
    /// The vendor's product, as its users know it.
    pub title: &'static str,
    /// What it calls a store.
    pub store: &'static str,
    /// The stack parameters that have the vendor's own words.
    pub parameters: Parameters,
}

/// The names of the stack parameters that differ between vendors.
#[derive(Debug)]
pub struct Parameters {
    /// The URL of the tenant.
    pub url: &'static str,
    /// The API key's id.
    pub key_id: &'static str,
    /// The API key's secret.
    pub key_secret: &'static str,
    /// The principal that may assume the roles.
    pub principal: &'static str,
    /// The one store of all accounts.
    pub store: &'static str,
    /// The organizational units, each with its accounts' store.
    pub mapped_units: &'static str,
}
