Feature: When nothing of a record is shown
  Deny wins. What is unknown, expired, withdrawn, refused, closed or not named means no.

  Background:
    Given Rahima's record holds an Observation of 2026-03-10 written at Dhaka Hospital
    And Dr. Nazmul works at Padma Hospital

  Scenario: Without a grant a doctor of another hospital sees nothing
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A citizen does not see another citizen's record
    When Salma looks at Rahima's record
    Then she is shown nothing

  Scenario: A guardian no longer sees the record of a ward who is of age
    Given the registry of persons names Salma as Rahima's guardian
    And Rahima has become 18 years old today
    When Salma looks at Rahima's record
    Then she is shown nothing

  Scenario Outline: A grant that is not in force shows nothing
    Given Rahima grants Dr. Nazmul care access to Observations
    And that grant <is not in force>
    When Dr. Nazmul reads for care
    Then he is shown nothing

    Examples:
      | is not in force        |
      | is only requested      |
      | was denied             |
      | was withdrawn          |
      | has expired            |
      | expires at this moment |

  Scenario: A grant to one doctor does not reach another
    Given Rahima grants Dr. Farhana care access to Observations
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A grant to one hospital does not reach another
    Given Rahima grants Dhaka Hospital care access to Observations
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A grant for care is none for research
    Given Rahima grants Dr. Nazmul care access to Observations
    When Dr. Nazmul reads for research
    Then he is shown nothing

  Scenario: A grant for one kind of thing shows no other
    Given Rahima grants Dr. Nazmul care access to Conditions
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A grant for a period shows nothing from outside it
    Given Rahima grants Dr. Nazmul care access to Observations from 2026-04-01 to 2026-06-30
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A thing without a date lies in no period
    Given the Observation has no date
    And Rahima grants Dr. Nazmul care access to Observations from 2026-01-01 to 2026-06-30
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: The kinds of one grant are never joined with the period of another
    Given Rahima grants Dr. Nazmul care access to Observations from 2026-04-01 to 2026-06-30
    And Rahima grants Dr. Nazmul care access to Conditions from 2026-01-01 to 2026-03-31
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A sensitive result needs its category in the grant
    Given the Observation is labelled HIV
    And Rahima grants Dr. Nazmul care access to Observations
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: Naming one category opens no other
    Given the Observation is labelled HIV and PSY
    And Rahima grants Dr. Nazmul care access to Observations including HIV
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A restricted result that does not say why is not shown by a plain grant
    Given the Observation is marked restricted
    And Rahima grants Dr. Nazmul care access to Observations
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A grant to view allows no download
    Given Rahima grants Dr. Nazmul care access to Observations
    When Dr. Nazmul downloads for care
    Then he is shown nothing

  Scenario: A grant to count shows nothing
    Given Rahima grants Dr. Nazmul care access to Observations to count
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: A standing refusal wins over a grant
    Given Rahima grants Dr. Nazmul care access to Observations
    And Rahima refuses Padma Hospital everything
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: What is closed is closed though a grant covers it
    Given Rahima grants Dr. Nazmul care access to Observations
    And Rahima closes the Observation to everyone
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: What belongs to a closed visit is closed
    Given Rahima grants Dr. Nazmul care access to Observations
    And Rahima closes the visit to which the Observation belongs
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: Being named as an exception is no grant
    Given Rahima closes the Observation to everyone but Dr. Nazmul
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: An emergency that nobody declared opens nothing
    When Dr. Nazmul reads in an emergency
    Then he is shown nothing

  Scenario: An emergency opens nothing for another doctor
    Given Dr. Farhana has declared an emergency for Rahima
    When Dr. Nazmul reads in an emergency
    Then he is shown nothing

  Scenario: An emergency opens nothing for everyday care
    Given Dr. Nazmul has declared an emergency for Rahima
    When Dr. Nazmul reads for care
    Then he is shown nothing

  Scenario: An emergency is over after its hours
    Given Dr. Nazmul has declared an emergency for Rahima
    And that declaration has expired
    When Dr. Nazmul reads in an emergency
    Then he is shown nothing

  Scenario: What is very restricted stays shut in an emergency
    Given the Observation is marked very restricted
    And Dr. Nazmul has declared an emergency for Rahima
    When Dr. Nazmul reads in an emergency
    Then he is shown nothing

  Scenario: Who refused emergencies by name is not opened
    Given Rahima refuses Padma Hospital emergencies
    And Dr. Nazmul has declared an emergency for Rahima
    When Dr. Nazmul reads in an emergency
    Then he is shown nothing

  Scenario: A doctor whose posting ended sees nothing, not even what his hospital wrote
    Given Dr. Farhana's posting at Dhaka Hospital has ended
    When Dr. Farhana of Dhaka Hospital reads for care
    Then she is shown nothing

  Scenario: The hospital that wrote a result needs a grant for research
    When Dr. Farhana of Dhaka Hospital reads for research
    Then she is shown nothing

  Scenario Outline: Some roles read no records at all
    Given Rahima grants Padma Hospital care access to Observations
    When an <role> reads for care
    Then nothing is shown

    Examples:
      | role          |
      | administrator |
      | analyst       |
      | registrar     |
