*** Settings ***
Documentation       The node on its Ethernet: it needs a network of its own round renode-test, see emulation/renode/README.md.
Resource            node.resource
Test Teardown       Run Keywords    Test Teardown    AND    End Node

*** Test Cases ***
Records Reach The Controller Over MQTT And Have Their Receipts
    Start Validator In A City
    ${before} =    Controller Should Have More Records
    Present Card    desfire
    Light Should Turn    green
    Controller Should Have More Records    than=${before}

A Node Whose Cable Was Pulled Comes Back With What It Kept
    Start Validator In A City
    ${before} =    Controller Should Have More Records
    Unplug The Cable
    Controller Should See The Node    online=${False}
    Present Card    desfire
    Light Should Turn    green
    Plug The Cable In
    Controller Should See The Node
    Controller Should Have More Records    than=${before}

*** Keywords ***
Start Validator In A City
    ${commands} =    Prepare Validator In A City
    Power On    ${commands}
    Controller Should See The Node
