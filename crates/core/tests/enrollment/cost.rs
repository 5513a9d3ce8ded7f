//! What one new account costs where operations and roles take as long as on AWS.

use std::time::Duration;

use towerhook_world::scale::{self, Figures, Setting};

const SETTING: Setting = Setting {
    accounts: 20,
    units: 5,
    limited: false,
};

#[test]
fn one_new_account_takes_at_most_twenty_calls_of_aws_and_three_of_the_saas() {
    let arrival = |seed| scale::arrivals(SETTING, seed, 1, Duration::ZERO);
    let arrivals: Vec<Figures> = (0..40).map(arrival).collect();
    let mean = |of: fn(&Figures) -> usize| {
        arrivals.iter().map(of).sum::<usize>() as f64 / arrivals.len() as f64
    };
    let (aws, saas) = (mean(Figures::aws_calls), mean(Figures::registry_requests));
    assert!(aws <= 20.0, "{aws}");
    assert!(saas <= 3.0, "{saas}");
    // The operation takes 20 to 40 s, the role 20 s more, and each look at either some seconds.
    let seconds = mean(|figures| figures.took.as_secs() as usize);
    assert!(seconds < 60.0, "{seconds}");
}
