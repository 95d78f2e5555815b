*** Settings ***
Documentation       The node alone: it starts, takes a card, has text on its glass, and is bitten when it hangs.
Resource            node.resource
Test Teardown       Run Keywords    Test Teardown    AND    End Node

*** Test Cases ***
A Validator Starts And Is In Service
    Start Node    fare_validator
    Light Should Turn    blue

A Card Turns The Light Green
    Start Node    fare_validator
    Light Should Turn    blue
    Present Card    desfire
    Light Should Turn    green

A Display Has Text On Its Glass
    Start Node    stop_display
    Text Should Be On The Glass

A Node That Hangs Is Bitten And Comes Back
    Start Node    fare_validator
    Light Should Turn    blue
    Send Key To Uart    0x03
    Wait For Prompt On Uart    >>>
    Wait For Line On Uart    ${IN_SERVICE}
    Light Should Turn    blue
