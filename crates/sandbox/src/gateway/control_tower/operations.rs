/// The operations served, with the path of each.
const OPERATIONS: [(&str, &str); 7] = [
    ("/get-landingzone", "GetLandingZone"),
    ("/list-landingzones", "ListLandingZones"),
    ("/list-baselines", "ListBaselines"),
    ("/get-baseline", "GetBaseline"),
    ("/list-enabled-baselines", "ListEnabledBaselines"),
    ("/get-enabled-baseline", "GetEnabledBaseline"),
    ("/list-enabled-controls", "ListEnabledControls"),
];

/// The operation at a path, where it is served here.
pub(in crate::gateway) fn operation(path: &str) -> Option<&'static str> {
    OPERATIONS
        .iter()
        .find(|(served, _)| *served == path)
        .map(|(_, operation)| *operation)
}
