Feature: When something of a record is shown
  The record belongs to the citizen. It is shown to her, to those whom she allows, to the facility that wrote it,
  and in a declared emergency. Everything else is in consent_deny.feature.

  Background:
    Given Rahima's record holds an Observation of 2026-03-10 written at Dhaka Hospital
    And Dr. Nazmul works at Padma Hospital

  Scenario: A citizen sees her whole record
    When Rahima looks at her record
    Then she is shown the Observation of 2026-03-10

  Scenario: A citizen sees even what is very restricted
    Given the Observation is marked very restricted
    When Rahima looks at her record
    Then she is shown the Observation of 2026-03-10

  Scenario: A guardian sees the record of her ward
    Given the registry of persons names Salma as Rahima's guardian
    When Salma looks at Rahima's record
    Then she is shown the Observation of 2026-03-10

  Scenario: A doctor sees what the citizen granted him
    Given Rahima grants Dr. Nazmul care access to Observations
    When Dr. Nazmul reads for care
    Then he is shown the Observation of 2026-03-10 by that grant

  Scenario: A grant to a hospital reaches whoever works there
    Given Rahima grants Padma Hospital care access to Observations
    When Dr. Nazmul reads for care
    Then he is shown the Observation of 2026-03-10 by that grant

  Scenario: A grant for a period shows what lies in it
    Given Rahima grants Dr. Nazmul care access to Observations from 2026-01-01 to 2026-06-30
    When Dr. Nazmul reads for care
    Then he is shown the Observation of 2026-03-10 by that grant

  Scenario: A sensitive result is shown when its category is named in the grant
    Given the Observation is labelled HIV
    And Rahima grants Dr. Nazmul care access to Observations including HIV
    When Dr. Nazmul reads for care
    Then he is shown the Observation of 2026-03-10 by that grant

  Scenario: A grant to store allows a download
    Given Rahima grants Dr. Nazmul care access to Observations to store
    When Dr. Nazmul downloads for care
    Then he is shown the Observation of 2026-03-10 by that grant

  Scenario: The hospital that wrote a result may read it without a grant
    When Dr. Farhana of Dhaka Hospital reads for care
    Then she is shown the Observation of 2026-03-10

  Scenario: The hospital that wrote a result still sees it when the citizen closed it to others
    Given Rahima closes the Observation to everyone
    When Dr. Farhana of Dhaka Hospital reads for care
    Then she is shown the Observation of 2026-03-10

  Scenario: The hospital that wrote a result still sees it when the citizen refuses that hospital
    Given Rahima refuses Dhaka Hospital everything
    When Dr. Farhana of Dhaka Hospital reads for care
    Then she is shown the Observation of 2026-03-10

  Scenario: What is closed stays open to those whom the citizen names
    Given Rahima grants Dr. Nazmul care access to Observations
    And Rahima closes the Observation to everyone but Dr. Nazmul
    When Dr. Nazmul reads for care
    Then he is shown the Observation of 2026-03-10 by that grant

  Scenario: A declared emergency opens the record for its hours
    Given Dr. Nazmul has declared an emergency for Rahima
    When Dr. Nazmul reads in an emergency
    Then he is shown the Observation of 2026-03-10 by that declaration

  Scenario: A declared emergency opens what is sensitive, closed or refused in general
    Given the Observation is labelled HIV
    And Rahima closes the Observation to everyone
    And Rahima refuses Padma Hospital everything
    And Dr. Nazmul has declared an emergency for Rahima
    When Dr. Nazmul reads in an emergency
    Then he is shown the Observation of 2026-03-10 by that declaration

  Scenario: A doctor whom the registry does not know is taken at the word of his token
    Given the registry has never heard of Dr. Nazmul
    And Rahima grants Dr. Nazmul care access to Observations
    When Dr. Nazmul reads for care
    Then he is shown the Observation of 2026-03-10 by that grant
